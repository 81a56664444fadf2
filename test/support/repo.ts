/** Paths of the repository. Tests are compiled elsewhere, so they are found from where npm runs them. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The directory that holds `package.json`, looked for upwards from the working directory. */
export const repoRoot: string = (() => {
  for (let dir = process.cwd(); ; dir = dirname(dir)) {
    if (existsSync(join(dir, "package.json")) && existsSync(join(dir, "src"))) return dir;
    if (dir === "/") throw new Error(`run the tests inside the repository, not in ${process.cwd()}`);
  }
})();

export function repoPath(...parts: string[]): string {
  return join(repoRoot, ...parts);
}

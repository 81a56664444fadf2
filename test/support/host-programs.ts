/** Programs of this machine as a layer: a container that can do something, without anything downloaded. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { file, layer } from "./tar-builder.js";

/**
 * A layer with `/bin/<name>` for each program and with the libraries that they load.
 * @param names as found in /bin or /usr/bin, `sh` first of all
 */
export function hostPrograms(names: readonly string[]): Buffer {
  const programs = names.map((name) => [`bin/${name}`, programPath(name)] as const);
  const libraries = new Set(programs.flatMap(([, path]) => librariesOf(path)));
  return layer(
    ...programs.map(([at, path]) => file(at, readFileSync(path), { mode: 0o755 })),
    ...[...libraries].sort().map((path) => file(path.slice(1), readFileSync(path), { mode: 0o755 })),
  );
}

function programPath(name: string): string {
  const path = ["/bin", "/usr/bin", "/sbin", "/usr/sbin"].map((dir) => `${dir}/${name}`).find(existsSync);
  if (path === undefined) throw new Error(`this machine has no program ${name}`);
  return realpathSync(path);
}

/** `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)`, and the loader without an arrow. */
function librariesOf(path: string): string[] {
  const output = execFileSync("ldd", [path], { encoding: "utf8" });
  return [...output.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map((match) => match[1] as string);
}

/** Which root a command works on: `--root`, OVL_ROOT, then the place of the user who runs it. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** @returns an absolute path; whether it exists is for the store to say */
export function rootDirectory(named: string | undefined): string {
  if (isNamed(named)) return resolve(named);
  if (process.getuid?.() === 0) return "/var/lib/ovl";
  const data = process.env["XDG_DATA_HOME"];
  // The XDG specification has relative values ignored.
  return data?.startsWith("/") ? join(data, "ovl") : join(homedir(), ".local/share/ovl");
}

export function isNamed(root: string | undefined): root is string {
  return root !== undefined && root !== "";
}

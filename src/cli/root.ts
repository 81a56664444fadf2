/** Which root a command works on: `--root`, OVL_ROOT, then the place of the user who runs it. */
import { homedir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { OvlError } from "../errors.js";

/**
 * @returns an absolute path; whether it exists is for the store to say
 * Throws USAGE for an empty name, which most often is an unset variable of a script.
 */
export function rootDirectory(named: string | undefined): string {
  if (named === "") throw new OvlError("USAGE", "--root is empty; expected a directory");
  if (named !== undefined) return resolve(named);
  if (process.getuid?.() === 0) return "/var/lib/ovl";
  const data = process.env["XDG_DATA_HOME"];
  // The XDG specification has relative values ignored.
  return data?.startsWith("/") ? join(data, "ovl") : join(homedir() || userInfo().homedir, ".local/share/ovl");
}

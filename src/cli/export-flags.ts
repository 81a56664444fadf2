/** What `--output` of `ovl export` may be. */
import { statSync } from "node:fs";
import { OvlError } from "../errors.js";

/** Throws USAGE. */
export function checkOutput(output: string, json: boolean): void {
  if (output === "") throw new OvlError("USAGE", "--output names no file");
  if (output === "-" && json) {
    throw new OvlError("USAGE", "standard output cannot have both the tar and JSON; use -o FILE");
  }
  if (output !== "-" && statSync(output, { throwIfNoEntry: false })?.isDirectory()) {
    throw new OvlError("USAGE", `${output} is a directory; name a file in it, or use "ovl rootfs" for a directory`, {
      path: output,
    });
  }
}

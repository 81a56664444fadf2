/** What a full disk is called by whoever has to make room on it: its file system, and how much is free there now. */
import { realpathSync, statfsSync } from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { mountTable } from "../driver/mount-table.js";
import { OvlError } from "../errors.js";
import { humanSize } from "./units.js";

/** A NO_SPACE error with its file system named, in the message and in `mountPoint`; every other error as it is. */
export function withFileSystem(error: OvlError): OvlError {
  // `place` where `path` is something else's name of it, such as a container's.
  const place = error.fields["place"] ?? error.fields["path"];
  if (error.code !== "NO_SPACE" || typeof place !== "string" || !isAbsolute(place)) return error;
  const found = fileSystemOf(place);
  if (found === null) return error;
  const { point, free } = found;
  const why = error.fields["errno"] === "EDQUOT" ? "the quota is used up" : `free there now: ${free}`;
  const advice = `make room on the file system mounted on ${point} (${why}), then try again`;
  return new OvlError(
    error.code,
    `${error.message}; ${advice}`,
    { ...error.fields, mountPoint: point },
    { cause: error },
  );
}

/** Of the nearest directory above that is still there: what was being made has been taken back. */
function fileSystemOf(path: string): { readonly point: string; readonly free: string } | null {
  try {
    const { bavail, bsize, ffree, files } = statfsSync(path);
    const inodes = files === 0 ? "" : `, ${ffree} inodes`;
    return { point: mountPointOf(realpathSync(path)), free: `${humanSize(bavail * bsize)}${inodes}` };
  } catch {
    return path === dirname(path) ? null : fileSystemOf(dirname(path));
  }
}

function mountPointOf(path: string): string {
  const above = mountTable().filter(({ point }) => point === "/" || path === point || path.startsWith(`${point}/`));
  return above.reduce((best, { point }) => (point.length >= best.length ? point : best), "/");
}

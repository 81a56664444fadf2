/** Whether an argument of a † command means a stored image or a SOURCE that is only read. */
import { existsSync } from "node:fs";

const PREFIX = /^(?:oci|oci-archive|docker-archive):|^docker:\/\//;

/** An argument that can only be a SOURCE: a prefix, a path, or `-` for stdin. */
export function isSource(argument: string): boolean {
  return argument === "-" || PREFIX.test(argument) || /^(?:\/|\.\.?\/)/.test(argument);
}

/** An argument that names a file, should no stored image have that name: `app.tar`. */
export function namesFile(argument: string): boolean {
  return existsSync(argument);
}

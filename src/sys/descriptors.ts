import { closeSync, constants, openSync } from "node:fs";
import { errnoOf, osError } from "../errors.js";

/**
 * Throws IO (EMFILE, ENFILE, ENOMEM) where this process cannot have so many more files open. They are opened to find
 * out, 2 us each: what counts against the limit is not written down anywhere.
 * @param doing what it needs them for, in the infinitive
 */
export function requireDescriptors(count: number, doing: string): void {
  const held: number[] = [];
  try {
    while (held.length < count) held.push(openSync("/", constants.O_RDONLY | constants.O_DIRECTORY));
  } catch (thrown) {
    throw osError(errnoOf(thrown), `${doing}, which takes ${count} more open files (see ulimit -n)`, {}, thrown);
  } finally {
    for (const fd of held) closeSync(fd);
  }
}

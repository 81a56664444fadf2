/** Where the data of a sparse file lies: lseek(2), SEEK_DATA and SEEK_HOLE. */
import { answer, libc } from "./libc.js";

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

export interface DataRange {
  /** First byte, and the first one behind the range. */
  readonly start: number;
  readonly end: number;
}

/**
 * The next bytes that are not a hole; null where only holes follow, or the filesystem does not say. Moves the file's
 * position.
 */
export function nextData(fd: number, offset: number): DataRange | null {
  const start = answer(libc().lseek(fd, offset, SEEK_DATA));
  if (start < 0) return null;
  const end = answer(libc().lseek(fd, start, SEEK_HOLE));
  return end <= start ? null : { start, end };
}

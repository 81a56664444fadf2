/** A root file system written as one tar, to a file that gets its name once it is complete, or into a pipe. */
import { writeSoon } from "../blob/file-sink.js";
import { openOutput } from "../store/save-output.js";
import { Pace } from "./pace.js";
import { tarOf } from "./tar.js";
import type { Union } from "./union.js";

/** Headers and small files are written together: a system call for each would take longer than they do. */
const BUFFER_BYTES = 256 * 1024;

/**
 * @param output file, or `-` for standard output
 * @returns absolute path, or `-`
 * Throws USAGE for a terminal, what reading the layers throws, and the system's errors; then there is no file.
 */
export function exportTar(union: Union, output: string, signal: AbortSignal | undefined): Promise<string> {
  return writeTar(tarOf(union), output, signal);
}

/** The same with the tar's bytes, in pieces that are valid until the next. */
export async function writeTar(
  tar: Iterable<Uint8Array>,
  output: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  using file = await openOutput(output);
  const pace = new Pace(signal);
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const heed = () => signal?.throwIfAborted();
  let filled = 0;
  for (const bytes of tar) {
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(bytes.length - at, BUFFER_BYTES - filled);
      buffer.set(bytes.subarray(at, at + length), filled);
      at += length;
      filled += length;
      if (filled < BUFFER_BYTES) continue;
      await writeSoon(file, buffer, null, heed);
      filled = 0;
    }
    if (pace.isDue) await pace.rest();
  }
  await writeSoon(file, buffer.subarray(0, filled), null, heed);
  file.commit();
  return file.path;
}

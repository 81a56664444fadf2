/** A tar of named members, the same bytes for the same members: no time, no owner. */
import { type FileSink, writeSoon } from "../blob/file-sink.js";
import { OvlError } from "../errors.js";
import { throwIfAborted } from "../layer/abort.js";
import { byteStringOf } from "../model/bytes.js";
import { END_OF_ARCHIVE, encodeHeader, padding } from "../tar/writer.js";

export type ArchiveMember =
  /** The path of a directory ends with a slash. */
  | { readonly path: string; readonly bytes: Uint8Array }
  | {
      readonly path: string;
      /** Bytes that `write` is going to write. */
      readonly size: number;
      /**
       * @param offset where the first byte goes; null: at the current position
       * @returns bytes written
       */
      write(sink: FileSink, offset: number | null): Promise<number>;
    };

/**
 * Writes an archive. In a seekable file every member has its place beforehand, and all are written at once; into a
 * pipe they go one after the other. Throws BAD_ROOT for a member of another size than it announced.
 * @param sink an empty file, or a pipe
 */
export async function writeArchive(
  sink: FileSink,
  isSeekable: boolean,
  members: Iterable<ArchiveMember>,
  signal?: AbortSignal,
): Promise<void> {
  const writing: Promise<void>[] = [];
  let end = 0;
  const put = async (bytes: Uint8Array) => {
    await writeSoon(sink, bytes, isSeekable ? end : null, () => throwIfAborted(signal));
    end += bytes.length;
  };
  for (const member of members) {
    const size = "bytes" in member ? member.bytes.length : member.size;
    await put(headerOf(member.path, size));
    if ("bytes" in member) await put(member.bytes);
    else {
      const written = writeMember(member, sink, isSeekable ? end : null);
      // Awaited at the end: one that fails before is not to end the process.
      written.catch(() => {});
      if (isSeekable) writing.push(written);
      else await written;
      end += size;
    }
    await put(padding(size));
  }
  await put(END_OF_ARCHIVE);
  await Promise.all(writing);
}

/** Sizes come from what the store says of its files; only writing shows what there is. */
async function writeMember(
  { path, size, write }: Exclude<ArchiveMember, { bytes: Uint8Array }>,
  sink: FileSink,
  offset: number | null,
): Promise<void> {
  const written = await write(sink, offset);
  if (written === size) return;
  throw new OvlError(
    "BAD_ROOT",
    `${path} cannot be saved: expected ${size} bytes by the sizes of files in its tar-split, found ${written}; ovl verify tells what is wrong`,
    { path, expected: size, actual: written },
  );
}

function headerOf(path: string, size: number): Uint8Array {
  const name = byteStringOf(path);
  return path.endsWith("/")
    ? encodeHeader({ name, type: "directory", mode: 0o755 })
    : encodeHeader({ name, type: "file", mode: 0o644, size });
}

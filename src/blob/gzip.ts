/**
 * gzip (RFC 1952) as Go's compress/gzip reads it, which is what dockerd decodes layers with: members follow
 * each other without a gap, reserved flags and the compression hints are ignored, names and comments have
 * at most 511 bytes, and whatever is not a member behind one, zero padding too, is an error.
 */
import { crc32 } from "node:zlib";
import type { DeflateEngine } from "./engines/deflate.js";
import { damaged, type Inflater, type Step } from "./inflater.js";

const FLAG_HEADER_CRC = 1 << 1;
const FLAG_EXTRA = 1 << 2;
const FLAG_NAME = 1 << 3;
const FLAG_COMMENT = 1 << 4;
/** With the terminating zero. Go reads these strings into a buffer of that size. */
const MAX_STRING = 512;

/** @param subject what to call the data in errors */
export function gzipInflater(engine: DeflateEngine, subject: string): Inflater {
  const decoder = engine.open();
  let offset = 0;
  /** The header being read; null inside a body. */
  let header: HeaderParser | null = memberHeader();
  let headerBytes = 0;
  let members = 0;

  /** Bytes of input that belong to the header. */
  function readHeader(input: Uint8Array): number {
    let read = 0;
    while (header !== null && read < input.length) {
      if (headerBytes === 0) header.next();
      const { done, value: problem } = header.next(input[read++] as number);
      headerBytes++;
      if (problem) throw damaged("gzip", subject, offset + read - 1, problem);
      if (done) {
        header = null;
        decoder.start();
      }
    }
    return read;
  }

  return {
    step(input, output): Step {
      const skipped = readHeader(input);
      offset += skipped;
      // Between two members, and before the first, nothing is owed; the first is not optional.
      if (header !== null) return { read: skipped, written: 0, done: members > 0 && headerBytes === 0 };
      const { read, written, end, problem } = decoder.step(input.subarray(skipped), output);
      offset += read;
      if (problem !== null) throw damaged("gzip", subject, offset, problem);
      if (end) {
        members++;
        header = memberHeader();
        headerBytes = 0;
      }
      return { read: skipped + read, written, done: end };
    },
    close: () => decoder.close(),
  };
}

/** Takes a byte a turn; returns what is wrong with the header, or null after its last byte. */
type HeaderParser = Generator<undefined, string | null, number>;

function* memberHeader(): HeaderParser {
  const seen: number[] = [];
  function* byte(): Generator<undefined, number, number> {
    const next = yield;
    seen.push(next);
    return next;
  }
  function* string(): Generator<undefined, boolean, number> {
    for (let length = 0; length < MAX_STRING; length++) if ((yield* byte()) === 0) return true;
    return false;
  }

  for (const magic of [0x1f, 0x8b, 8]) {
    if ((yield* byte()) !== magic) return "what follows is no gzip member";
  }
  const flags = yield* byte();
  for (let i = 0; i < 6; i++) yield* byte(); // time, hints, operating system
  if (flags & FLAG_EXTRA) {
    const length = (yield* byte()) | ((yield* byte()) << 8);
    for (let i = 0; i < length; i++) yield* byte();
  }
  if (flags & FLAG_NAME && !(yield* string())) return "the header's file name is too long";
  if (flags & FLAG_COMMENT && !(yield* string())) return "the header's comment is too long";
  if (flags & FLAG_HEADER_CRC) {
    const expected = crc32(Uint8Array.from(seen)) & 0xffff;
    const found = (yield* byte()) | ((yield* byte()) << 8);
    if (found !== expected) return "the header's checksum is wrong";
  }
  return null;
}

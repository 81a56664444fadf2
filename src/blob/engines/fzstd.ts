/**
 * zstd in JavaScript, for where no native library is found. fzstd decodes what it is given and hands out
 * all that comes of it, however large; so frames are cut here into header and blocks (RFC 8878, 3.1.1),
 * none of which yields more than 128 KiB, and a window is refused before it is allocated.
 * A frame's own checksum is not compared: blobs and layers have stronger ones.
 */
import { createRequire } from "node:module";
import type * as Fzstd from "fzstd";
import { damaged, type Inflater, type Step } from "../inflater.js";
import { MAX_WINDOW_LOG, type ZstdEngine } from "./zstd.js";

const FRAME_MAGIC = 0xfd2f_b528;
/** Sixteen magics of frames to skip: their last four bits are free. */
const SKIPPABLE_MAGIC = 0x0184_d2a5;
const MAX_WINDOW = 2 ** MAX_WINDOW_LOG;
const MAX_BLOCK = 128 * 1024;
const SKIP_CHUNK = 64 * 1024;

export function fzstd(): ZstdEngine {
  const { Decompress } = createRequire(import.meta.url)("fzstd") as typeof Fzstd;
  return { name: "fzstd", open: (subject) => fzstdInflater(Decompress, subject) };
}

function fzstdInflater(Decompress: typeof Fzstd.Decompress, subject: string): Inflater {
  /** Decoded and not yet taken. */
  let ready: Uint8Array[] = [];
  const frames = readFrames(() => new Decompress((chunk) => chunk.length > 0 && ready.push(chunk)));
  let wanted = frames.next().value;
  let gathered = new Uint8Array(wanted.bytes);
  let have = 0;
  let offset = 0;

  /** Takes input until some output is ready; returns how much was taken. */
  function feed(input: Uint8Array): number {
    let read = 0;
    while (ready.length === 0) {
      const part = input.subarray(read, read + wanted.bytes - have);
      gathered.set(part, have);
      have += part.length;
      read += part.length;
      if (have < wanted.bytes) break;
      wanted = frames.next(gathered).value;
      gathered = new Uint8Array(wanted.bytes); // a new one: fzstd may keep the old
      have = 0;
    }
    return read;
  }
  function take(output: Uint8Array): number {
    const chunk = ready[0];
    if (chunk === undefined) return 0;
    const part = chunk.subarray(0, output.length);
    output.set(part);
    if (part.length === chunk.length) ready.shift();
    else ready[0] = chunk.subarray(part.length);
    return part.length;
  }
  return {
    step(input, output): Step {
      let read: number;
      try {
        read = feed(input);
      } catch (error) {
        throw damaged("zstd", subject, offset, error instanceof Error ? error.message : String(error));
      }
      offset += read;
      const written = take(output);
      return { read, written, done: wanted.between && have === 0 && ready.length === 0 };
    },
    close() {
      ready = [];
    },
  };
}

interface Wanted {
  /** How many bytes to come back with. */
  readonly bytes: number;
  /** The input may end here, after at least one frame. */
  readonly between: boolean;
}

type Reader<T> = Generator<Wanted, T, Uint8Array>;

function* readFrames(newDecoder: () => Fzstd.Decompress): Reader<never> {
  for (let any = false; ; any = true) {
    const start = yield { bytes: 4, between: any };
    const magic = littleEndian(start);
    if (magic >>> 4 === SKIPPABLE_MAGIC) {
      const size = littleEndian(yield* read(4));
      for (let left = size; left > 0; left -= SKIP_CHUNK) yield* read(Math.min(left, SKIP_CHUNK));
    } else if (magic === FRAME_MAGIC) {
      yield* readFrame(start, newDecoder());
    } else {
      throw new Error("what follows is no zstd frame");
    }
  }
}

function* readFrame(magic: Uint8Array, decoder: Fzstd.Decompress): Reader<void> {
  const { header, window, checksumBytes } = yield* readHeader();
  decoder.push(Buffer.concat([magic, header]));
  for (let last = false; !last; ) {
    const blockHeader = yield* read(3);
    const word = littleEndian(blockHeader);
    const size = word >>> 3;
    const isRun = ((word >>> 1) & 3) === 1;
    last = (word & 1) === 1;
    if (size > Math.min(MAX_BLOCK, window)) throw new Error("a block is too large");
    const body = yield* read((isRun ? 1 : size) + (last ? checksumBytes : 0));
    decoder.push(Buffer.concat([blockHeader, body]), last);
  }
}

function* readHeader(): Reader<{ header: Uint8Array; window: number; checksumBytes: number }> {
  const descriptor = (yield* read(1))[0] as number;
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >>> 6;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const sizeBytes = sizeFlag === 0 ? Number(singleSegment) : 1 << sizeFlag;
  const rest = yield* read(Number(!singleSegment) + dictionaryBytes + sizeBytes);
  const window = singleSegment
    ? littleEndian(rest.subarray(dictionaryBytes)) + (sizeFlag === 1 ? 256 : 0)
    : windowOf(rest[0] as number);
  if (window > MAX_WINDOW) throw new Error(`it needs a window of ${window} bytes, and ${MAX_WINDOW} are allowed`);
  const checksumBytes = (descriptor & 4) === 0 ? 0 : 4;
  return { header: Buffer.concat([Buffer.from([descriptor]), rest]), window, checksumBytes };
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3));
  return base + (base / 8) * (descriptor & 7);
}

function* read(bytes: number): Reader<Uint8Array> {
  return yield { bytes, between: false };
}

function littleEndian(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

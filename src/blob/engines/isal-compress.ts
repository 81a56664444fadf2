/**
 * gzip by ISA-L. At its highest level layers become 11% larger than at zlib's level 6, nine times as fast.
 * `struct isal_zstream` as igzip_lib.h 2.30 declares it.
 */

import { cStruct, type Library, setPointer } from "../../sys/native.js";
import type { Compressor, CompressorEngine, Effort } from "./compressors.js";
import { clearVectors } from "./isal.js";

const NEXT_IN = 0;
const AVAIL_IN = 8;
const NEXT_OUT = 16;
const AVAIL_OUT = 24;
const LEVEL = 40;
const LEVEL_BUFFER_SIZE = 44;
const LEVEL_BUFFER = 48;
const END_OF_STREAM = 56;
const GZIP_FLAG = 60;
const STATE = 84;
/** 82,384 bytes in 2.30; the rest is room for a later version, which the self-test then judges. */
const STREAM_BYTES = 128 * 1024;

const IGZIP_GZIP = 1;
const ZSTATE_END = 11;
/** Of the tar-split of 21,000 files (24 MB) level 1 makes 1.38 MB and 3 makes 1.34 MB, in less than half the time. */
const LEVELS: Readonly<Record<Effort, number>> = { small: 3, fast: 1 };
/** ISAL_DEF_LVL3_EXTRA_LARGE; level 1 takes less. */
const LEVEL_BUFFER_BYTES = 610_304;

export function isalCompressor(library: Library): CompressorEngine {
  const init: (stream: Buffer) => void = library.func("isal_deflate_init", "void", ["void *"]);
  const deflate: (stream: Buffer) => number = library.func("isal_deflate", "int", ["void *"]);
  return { name: "isa-l", open: (effort = "small") => open(init, deflate, LEVELS[effort]) };
}

function open(init: (stream: Buffer) => void, deflate: (stream: Buffer) => number, level: number): Compressor {
  const stream = cStruct(STREAM_BYTES);
  const levelBuffer = cStruct(LEVEL_BUFFER_BYTES);
  init(stream);
  stream.writeUInt32LE(level, LEVEL);
  stream.writeUInt32LE(levelBuffer.length, LEVEL_BUFFER_SIZE);
  stream.writeUInt16LE(IGZIP_GZIP, GZIP_FLAG);
  return {
    step(input, output, last) {
      // Set every time: only this closure keeps the buffer from being collected.
      setPointer(stream, LEVEL_BUFFER, levelBuffer);
      setPointer(stream, NEXT_IN, input);
      stream.writeUInt32LE(input.length, AVAIL_IN);
      setPointer(stream, NEXT_OUT, output);
      stream.writeUInt32LE(output.length, AVAIL_OUT);
      stream.writeUInt16LE(last ? 1 : 0, END_OF_STREAM);
      const status = deflate(stream);
      clearVectors();
      if (status !== 0) throw new Error(`isal_deflate: ${status}`);
      return {
        read: input.length - stream.readUInt32LE(AVAIL_IN),
        written: output.length - stream.readUInt32LE(AVAIL_OUT),
        done: stream.readUInt32LE(STATE) === ZSTATE_END,
      };
    },
    close() {
      // Both buffers are ours; ISA-L allocates nothing.
    },
  };
}

/**
 * Intel's ISA-L (`libisal.so.2`): deflate decoding and CRC-64 with vector instructions.
 * In one thing its decoder is laxer than Go's and zlib's: a Huffman code that leaves bit patterns unused is
 * accepted as long as none of them occurs. No compressor writes one, and the checksum holds all the same.
 * `struct inflate_state` as igzip_lib.h 2.30 declares it; the functions are those of the public interface.
 */

import { isAscii } from "node:buffer";
import { cStruct, type Library, setPointer } from "../../sys/native.js";
import type { Crc64, Crc64Engine } from "../crc64.js";
import type { DeflateEngine, MemberDecoder, MemberStep } from "./deflate.js";

export const ISAL = "libisal.so.2";

const NEXT_OUT = 0;
const AVAIL_OUT = 8;
const NEXT_IN = 16;
const AVAIL_IN = 32;
const BLOCK_STATE = 21_160;
const CRC_FLAG = 21_172;
/** 87,368 bytes in 2.30; the rest is room for a later version, which the self-test then judges. */
const STATE_BYTES = 128 * 1024;

/** Values of block_state and crc_flag. */
const ISAL_BLOCK_FINISH = 5;
/** No header, but a trailer that is verified. */
const ISAL_GZIP_NO_HDR_VER = 6;

const PROBLEMS: Readonly<Record<number, string>> = {
  [-1]: "invalid block",
  [-2]: "invalid symbol",
  [-3]: "distance too far back",
  [-6]: "the checksum is wrong",
};

/** Long enough for the loop that works in vectors. */
const SOME_TEXT = Buffer.alloc(256, " ");

/**
 * Leaves the vector registers as others want them, after each call of ISA-L that computes.
 *
 * Version 2.30 returns with the upper halves of them in use, which the instructions of SHA-256 and all other SSE code
 * then carry along: SHA-256 of what was just inflated ran at 1.32 GB/s instead of 1.80 (AMD EPYC, 2026-11-29), a tenth
 * of the processor time of a pull. Node's search for bytes beyond ASCII is compiled C++ that uses and clears them, in
 * 0.1 us; where a processor or a Node has none of that, nothing is lost but the speed.
 */
export function clearVectors(): void {
  isAscii(SOME_TEXT);
}

export function isalDeflate(library: Library): DeflateEngine {
  const init: (state: Buffer) => void = library.func("isal_inflate_init", "void", ["void *"]);
  const inflate: (state: Buffer) => number = library.func("isal_inflate", "int", ["void *"]);
  return { name: "isa-l", open: () => isalDecoder(init, inflate) };
}

function isalDecoder(init: (state: Buffer) => void, inflate: (state: Buffer) => number): MemberDecoder {
  const state = cStruct(STATE_BYTES);
  return {
    start() {
      init(state);
      state.writeUInt32LE(ISAL_GZIP_NO_HDR_VER, CRC_FLAG);
    },
    step(input, output): MemberStep {
      setPointer(state, NEXT_IN, input);
      state.writeUInt32LE(input.length, AVAIL_IN);
      setPointer(state, NEXT_OUT, output);
      state.writeUInt32LE(output.length, AVAIL_OUT);
      const status = inflate(state);
      clearVectors();
      return {
        read: input.length - state.readUInt32LE(AVAIL_IN),
        written: output.length - state.readUInt32LE(AVAIL_OUT),
        end: status === 0 && state.readUInt32LE(BLOCK_STATE) === ISAL_BLOCK_FINISH,
        problem: status < 0 ? (PROBLEMS[status] ?? `error ${status}`) : null,
      };
    },
    close() {
      // The state is a buffer of ours; ISA-L allocates nothing.
    },
  };
}

export function isalCrc64(library: Library): Crc64Engine {
  // It inverts before and after, so the value of the bytes so far goes in and the value with these comes out.
  const crc: (value: bigint, bytes: Uint8Array, length: number) => bigint | number = library.func(
    "crc64_iso_refl",
    "uint64_t",
    ["uint64_t", "void *", "uint64_t"],
  );
  return {
    name: "isa-l",
    create(): Crc64 {
      let value = 0n;
      return {
        update(bytes) {
          value = BigInt(crc(value, bytes, bytes.length));
          clearVectors();
        },
        digest() {
          const digest = Buffer.alloc(8);
          digest.writeBigUInt64BE(value);
          return digest;
        },
        reset() {
          value = 0n;
        },
      };
    },
  };
}

/** Decoding with pieces of any size, as a pipe or a small ring would give them. */
import type { ByteSource } from "../../src/blob/byte-source.js";
import type { Inflater } from "../../src/blob/inflater.js";

/**
 * Everything an inflater makes of bytes, and whether the stream was complete. Sizes are taken in turn, over and over.
 */
export function inflateAll(
  inflater: Inflater,
  bytes: Uint8Array,
  inputSizes: readonly number[],
  outputSizes: readonly number[],
): { data: Buffer; done: boolean } {
  const pieces: Buffer[] = [];
  let position = 0;
  let done = false;
  try {
    for (let turn = 0; ; turn++) {
      // A copy of its own length each time: a read or a write beyond either end would be out of bounds.
      const input = Uint8Array.from(bytes.subarray(position, position + at(inputSizes, turn)));
      const output = new Uint8Array(at(outputSizes, turn));
      const step = inflater.step(input, output);
      position += step.read;
      done = step.done;
      pieces.push(Buffer.from(output.subarray(0, step.written)));
      if (input.length === 0 && step.written === 0) return { data: Buffer.concat(pieces), done };
    }
  } finally {
    inflater.close();
  }
}

/** A source that gives bytes in pieces of these sizes, in turn, each in the same memory as the one before. */
export function sourceOf(bytes: Uint8Array, ...sizes: number[]): ByteSource {
  const memory = new Uint8Array(Math.max(1, ...sizes, sizes.length === 0 ? bytes.length : 0));
  let position = 0;
  let turn = 0;
  return {
    read() {
      if (position === bytes.length) return null;
      const size = sizes.length === 0 ? bytes.length : at(sizes, turn++);
      const piece = bytes.subarray(position, position + size);
      memory.fill(0xee);
      memory.set(piece);
      position += piece.length;
      return memory.subarray(0, piece.length);
    },
  };
}

/** All bytes of a source. */
export function readAll(source: ByteSource): Buffer {
  const pieces: Buffer[] = [];
  for (let piece = source.read(); piece !== null; piece = source.read()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function at(sizes: readonly number[], turn: number): number {
  return sizes[turn % sizes.length] as number;
}

/**
 * Layers compressed for archives and registries. The same bytes give the same compressed bytes, however the
 * source cuts them up, as long as the same engine does it; headers carry no time and no name. Another engine
 * gives other bytes of the same content, which no diff_id or image id depends on.
 */
import type { ByteSource } from "./byte-source.js";
import { type CompressorEngine, compressorFor } from "./engines/compressors.js";

/** Bytes that go into an engine and come out of it at a time. */
const BLOCK_BYTES = 256 * 1024;

/**
 * The compressed form of a source, one gzip member or one zstd frame.
 * Native memory is given back at the end and on an error; dispose a source that is left before its end.
 * Throws what the source throws, and UNSUPPORTED_MEDIA_TYPE where no engine for the format works here.
 */
export function compress(source: ByteSource, format: "gzip" | "zstd"): ByteSource & Disposable {
  return compressedBy(compressorFor(format), source);
}

export function compressedBy(engine: CompressorEngine, source: ByteSource): ByteSource & Disposable {
  const compressor = engine.open();
  const blocks = inBlocks(source);
  const output = new Uint8Array(BLOCK_BYTES);
  let input: Uint8Array = new Uint8Array(0);
  let last = false;
  let done = false;
  let failure: unknown = null;

  function close(): void {
    done = true;
    compressor.close();
  }
  /** Fills the output as far as the stream goes. */
  function fill(): number {
    let filled = 0;
    while (!done && filled < output.length) {
      if (input.length === 0 && !last) ({ bytes: input, last } = blocks());
      const step = compressor.step(input, output.subarray(filled), last);
      input = input.subarray(step.read);
      filled += step.written;
      if (step.done) close();
    }
    return filled;
  }
  return {
    read() {
      if (failure !== null) throw failure;
      try {
        const length = fill();
        return length === 0 ? null : output.subarray(0, length);
      } catch (error) {
        close();
        throw (failure = error);
      }
    },
    [Symbol.dispose]: close,
  };
}

/** A source in blocks of one size, the last one smaller: engines let the pieces they are given show. */
function inBlocks(source: ByteSource): () => { bytes: Uint8Array; last: boolean } {
  const block = new Uint8Array(BLOCK_BYTES);
  let rest: Uint8Array | null = new Uint8Array(0);

  return () => {
    let filled = 0;
    while (rest !== null && filled < block.length) {
      if (rest.length === 0) {
        rest = source.read();
        continue;
      }
      const part = rest.subarray(0, block.length - filled);
      block.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
    }
    return { bytes: block.subarray(0, filled), last: rest === null };
  };
}

/** Which library compresses; chosen as the decoders are. */
import { gunzipSync } from "node:zlib";
import { OvlError } from "../../errors.js";
import type { Step } from "../inflater.js";
import { allOf, bestOf, type Candidate } from "./choice.js";
import { ISAL } from "./isal.js";
import { isalCompressor } from "./isal-compress.js";
import { libzstdCompressor } from "./libzstd-compress.js";
import { zlibCompressor } from "./zlib-compress.js";

export interface Compressor {
  /**
   * As `Inflater.step`; `last` says that nothing follows this input, and stays true from then on.
   * done: the end of the stream was written too.
   */
  step(input: Uint8Array, output: Uint8Array, last: boolean): Step;
  /** Gives native memory back. Safe to call twice. */
  close(): void;
}

/** What counts: that the result is small, or that it is there soon. Without effect on zstd. */
export type Effort = "small" | "fast";

export interface CompressorEngine {
  /** For people: `isa-l`. */
  readonly name: string;
  open(effort?: Effort): Compressor;
}

const CANDIDATES: Readonly<Record<"gzip" | "zstd", readonly Candidate<CompressorEngine>[]>> = {
  gzip: [
    { library: ISAL, load: isalCompressor },
    { library: null, load: (library) => zlibCompressor(library, "node") },
    { library: "libz.so.1", load: (library) => zlibCompressor(library, "libz.so.1") },
  ],
  zstd: [
    { library: null, load: (library) => libzstdCompressor(library, "node") },
    { library: "libzstd.so.1", load: (library) => libzstdCompressor(library, "libzstd.so.1") },
  ],
};

const chosen = new Map<"gzip" | "zstd", CompressorEngine>();

/** The compressor of this process, chosen once. Throws UNSUPPORTED_MEDIA_TYPE where none works. */
export function compressorFor(format: "gzip" | "zstd"): CompressorEngine {
  const engine = chosen.get(format) ?? bestOf(CANDIDATES[format], (found) => passesSelfTest(found, format));
  if (engine === null) {
    const remedy = format === "gzip" ? "install zlib1g" : "use Node 22.15, install libzstd1, or choose gzip";
    throw new OvlError("UNSUPPORTED_MEDIA_TYPE", `${format} cannot be written here: no library for it; ${remedy}`);
  }
  chosen.set(format, engine);
  return engine;
}

/** Every engine that works here, best first. */
export function compressorsFor(format: "gzip" | "zstd"): CompressorEngine[] {
  return allOf(CANDIDATES[format], (engine) => passesSelfTest(engine, format));
}

/** Whether a text survives, through pieces small enough for every field of the structures to matter. */
function passesSelfTest(engine: CompressorEngine, format: "gzip" | "zstd"): boolean {
  return survives(engine.open("small"), format) && survives(engine.open("fast"), format);
}

function survives(compressor: Compressor, format: "gzip" | "zstd"): boolean {
  const text = Buffer.from(Array.from({ length: 50 }, (_, i) => `layer ${i * i} of overlay2\n`).join(""));
  const output = Buffer.alloc(37);
  const pieces: Buffer[] = [];
  try {
    for (let turn = 0, position = 0; turn < text.length; turn++) {
      const input = text.subarray(position, position + 100);
      position += input.length;
      const step = compressor.step(input, output, position === text.length);
      position -= input.length - step.read;
      pieces.push(Buffer.from(output.subarray(0, step.written)));
      if (step.done) return format === "zstd" || gunzipSync(Buffer.concat(pieces)).equals(text);
    }
    return false;
  } finally {
    compressor.close();
  }
}

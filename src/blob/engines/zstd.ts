import type { Inflater } from "../inflater.js";

/**
 * Largest window a frame may ask for: 128 MiB, what `zstd -d` allows without --memory, and what -22 and
 * --long write. A decoder holds the whole window, so this bounds memory too.
 */
export const MAX_WINDOW_LOG = 27;

export interface ZstdEngine {
  /** For people: `zstd 1.5.4 (libzstd.so.1)`. */
  readonly name: string;
  /** @param subject what to call the data in errors */
  open(subject: string): Inflater;
}

/** A frame with a checksum that says SAMPLE_TEXT. */
const SAMPLE = Buffer.from(
  "KLUv/QRo1QEAQgMLEaCrA0Dd8MyThPv0v97l/q8ah8SyasSE3er6WB1kw9c0YSNRl/c8Y6k6rwYDAIZwtygMGMN8ApiGH34=",
  "base64",
);
const SAMPLE_TEXT = "an image is a stack of layers, and a layer is a tar of changes; an image is a stack of layers";

/** Whether an engine decodes a known frame that comes in small pieces. */
export function passesSelfTest(engine: ZstdEngine): boolean {
  const inflater = engine.open("self-test");
  const output = Buffer.alloc(13);
  let text = "";
  let position = 0;
  try {
    for (let turn = 0; turn < SAMPLE_TEXT.length; turn++) {
      const step = inflater.step(SAMPLE.subarray(position, position + 7), output);
      position += step.read;
      text += output.toString("latin1", 0, step.written);
      if (step.done) return position === SAMPLE.length && text === SAMPLE_TEXT;
    }
    return false;
  } finally {
    inflater.close();
  }
}

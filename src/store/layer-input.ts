/** A source's layer as the first stage takes it. */
import { OvlError } from "../errors.js";
import type { FirstStage } from "../layer/pipeline.js";
import type { SourceLayer } from "../source/source.js";

/**
 * Work on a layer's blob. One that arrived over a network and is not what it should be is asked for once more: a
 * proxy may have cut it, or answered with a page of its own. What lies in a file stays what it is.
 * @param subject what a message calls the layer
 * @param run what is done with the opened blob
 * @param clear takes back what a first try has left
 */
export async function withBlob<T>(
  layer: Pick<SourceLayer, "digest" | "open">,
  subject: string,
  run: (open: () => Promise<FirstStage>) => Promise<T>,
  clear: () => void = () => {},
): Promise<T> {
  let arrives = false;
  const open = async (): Promise<FirstStage> => {
    const bytes = await layer.open();
    arrives = "chunks" in bytes;
    const claim = { digest: layer.digest, subject };
    return { stage: "decode", input: "chunks" in bytes ? { stream: bytes, ...claim } : { range: bytes, ...claim } };
  };
  try {
    return await run(open);
  } catch (thrown) {
    if (!arrives || !isDamage(thrown)) throw naming(thrown, subject);
    clear();
    return await run(open).catch((again: unknown) => {
      throw naming(again, subject);
    });
  }
}

/** What was thrown, with its subject: what reads a tar knows neither whose it is nor that there are others. */
export function naming(thrown: unknown, subject: string): unknown {
  if (!(thrown instanceof OvlError) || thrown.exit !== 4 || thrown.message.includes(subject)) return thrown;
  const message = `${subject}: ${thrown.message.replace(/^layer /, "")}`;
  return new OvlError(thrown.code, message, thrown.fields, { cause: thrown });
}

function isDamage(thrown: unknown): boolean {
  return thrown instanceof OvlError && (thrown.code === "DIGEST_MISMATCH" || thrown.code === "SIZE_MISMATCH");
}

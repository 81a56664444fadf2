/** Small documents: read whole, within a bound and a time. */
import { OvlError } from "../../errors.js";
import { Transient } from "./retry.js";
import { secretJson, shownUrl } from "./secrets.js";
import type { Incoming, Transport } from "./transport.js";

export interface DocumentLimits {
  readonly maxBytes: number;
  /** Milliseconds. */
  readonly within: number;
}

/** The whole body. Throws REGISTRY for one that is too large, Transient for one that does not come. */
export async function readDocument(answer: Incoming, limits: DocumentLimits, transport: Transport): Promise<Buffer> {
  const { body, url } = answer;
  const where = shownUrl(url);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    body.destroy();
  }, limits.within);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limits.maxBytes) break;
      chunks.push(chunk);
    }
  } catch (thrown) {
    if (!late) throw transport.failure(thrown, url);
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  if (late) throw new Transient(new OvlError("NETWORK", `${where} did not arrive in time`, { url: where }));
  if (size <= limits.maxBytes) return Buffer.concat(chunks);
  throw new OvlError("REGISTRY", `${where} is larger than ${limits.maxBytes} bytes, which no such document is`, {
    url: where,
    limit: limits.maxBytes,
  });
}

/** Throws REGISTRY for what is no JSON. */
export function jsonOf(bytes: Uint8Array, subject: string): unknown {
  return secretJson(bytes, { subject, code: "REGISTRY", maxBytes: bytes.length });
}

/**
 * JSON from archives and registries, read as Go's encoding/json reads it: that is what decides whether
 * dockerd takes a document. Size and nesting are bounded before anything is built from it.
 */
import { type ErrorCode, OvlError } from "../errors.js";

/**
 * Go's decoder gives up at 10,000 levels. JSON.stringify and structuredClone run out of stack at some 4,000, so a value
 * that nests deeper could be read and neither shown nor kept. What people write has ten.
 */
const MAX_DEPTH = 1000;

export interface JsonLimits {
  /** What the document is, for messages: `image config`, `manifest.json`. */
  readonly subject: string;
  /** Code of every error thrown. */
  readonly code: ErrorCode;
  /** Largest document in bytes. */
  readonly maxBytes: number;
  readonly maxDepth?: number;
  /** Whether bytes after the first value are an error (default) or never looked at, as by Go's json.Decoder. */
  readonly trailing?: "refuse" | "ignore";
}

/**
 * The value of a JSON document. Invalid UTF-8 and half a surrogate pair become U+FFFD as in Go, a byte-order
 * mark is an error as in Go, and a key `__proto__` is a key like any other (an own property). Of two equal keys
 * the last one counts.
 */
export function parseJson(bytes: Uint8Array, limits: JsonLimits): unknown {
  const { subject, code, maxBytes } = limits;
  if (bytes.byteLength > maxBytes) {
    throw new OvlError(code, `${subject} is ${bytes.byteLength} bytes; at most ${maxBytes} are read`, {
      size: bytes.byteLength,
      limit: maxBytes,
    });
  }
  const maxDepth = limits.maxDepth ?? MAX_DEPTH;
  const ignore = limits.trailing === "ignore";
  // No value nests deeper than it has bytes.
  const end = ignore || bytes.byteLength > maxDepth ? scan(bytes, maxDepth, limits) : bytes.byteLength;
  const until = ignore ? end : bytes.byteLength;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, until).toString("utf8");
  try {
    return JSON.parse(/\\u[dD][89a-fA-F]/.test(text) ? wholePairs(text) : text);
  } catch (error) {
    // The engine's message quotes the document, which may hold terminal escapes: only the position is kept.
    const position = /position (\d+)/.exec(String(error))?.[1];
    const where = position === undefined ? "" : ` (at character ${position})`;
    throw new OvlError(code, `${subject} is not valid JSON${where}`, {}, { cause: error });
  }
}

/** Escapes are passed one by one, so that a backslash that is escaped begins none. */
function wholePairs(text: string): string {
  return text.replace(
    /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)/gs,
    (found, half?: string) => (half === undefined ? found : "\ufffd"),
  );
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Byte offset just behind the first value; throws where brackets nest too deep. Grammar is left to JSON.parse. */
function scan(bytes: Uint8Array, maxDepth: number, limits: JsonLimits): number {
  let depth = 0;
  let started = false;
  for (let i = 0; i < bytes.byteLength; i++) {
    const byte = bytes[i] as number;
    if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) {
      if (started && depth === 0) return i;
      continue;
    }
    started = true;
    if (byte === QUOTE) {
      i = stringEnd(bytes, i);
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) {
        throw new OvlError(limits.code, `${limits.subject} nests more than ${maxDepth} levels deep`, { maxDepth });
      }
    } else if (byte === 0x7d || byte === 0x5d) {
      if (--depth <= 0) return i + 1;
    }
  }
  return bytes.byteLength;
}

/** Where the quote is that ends a string: the first with an even number of backslashes before it. */
function stringEnd(bytes: Uint8Array, start: number): number {
  for (let end = bytes.indexOf(QUOTE, start + 1); end >= 0; end = bytes.indexOf(QUOTE, end + 1)) {
    let at = end;
    while (bytes[at - 1] === BACKSLASH) at--;
    if ((end - at) % 2 === 0) return end;
  }
  return bytes.byteLength;
}

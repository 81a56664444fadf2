/** Reading `tar-split.json.gz`, whoever wrote it and whatever became of it since. */
import type { ByteSource } from "../blob/byte-source.js";
import { decompress } from "../blob/decompress.js";
import { OvlError } from "../errors.js";
import { type ByteString, byteString, byteStringOf, displayName } from "../model/bytes.js";
import { parseJson } from "../model/json.js";
import { cleanPath } from "../tar/clean.js";
import { MAX_ENTRIES } from "../tar/entry.js";
import type { SplitEntry } from "./entry.js";
import { RawBuffer } from "./raw-buffer.js";
import { SeenPaths } from "./seen-paths.js";

/**
 * Bytes a line. dockerd writes at most some 5 MiB; before tar-split 0.10.2 one line held everything that
 * followed the end of an archive.
 */
const MAX_LINE = 64 << 20;
/** From here on a line may be nothing but brackets, each of which would take a hundred times its size of memory. */
const LONG_LINE = 64 << 10;
const MAX_DEPTH = 8;
/**
 * Lines beyond one a file that hold nothing. Writers make one of them; a few kilobytes of gzip can make a billion, each
 * of which takes its time.
 */
const MAX_IDLE = 10_000;

/**
 * The entries in order. Throws BAD_ROOT with the line and what is wrong with it, DUPLICATE_PATH for a name
 * that comes twice, as dockerd does, and what the source throws.
 * Arrays in an entry are the caller's to keep. Leaving the loop early frees the decompressor.
 * @param file the file's bytes
 * @param subject what to call the file in errors
 */
export function* decodeSplit(
  file: ByteSource,
  subject: string,
  maxEntries: number = MAX_ENTRIES,
): Generator<SplitEntry, void, undefined> {
  const seen = new SeenPaths();
  let number = 0;
  let idle = 0;
  for (const line of lines(gunzip(file, subject), subject)) {
    number++;
    const entry = parseLine(line, (what) => damaged(subject, number, what));
    if (entry === null || (entry.type === "segment" && entry.payload.length === 0)) {
      if (++idle > MAX_IDLE + seen.size) throw damaged(subject, number, "like thousands before it, it holds nothing");
    }
    if (entry === null) continue;
    if (entry.type === "file") {
      const path = cleanPath(entry.name);
      if (!seen.add(path)) throw duplicate(subject, number, path);
      if (seen.size > maxEntries) throw damaged(subject, number, `it is the entry after ${maxEntries} others`);
    }
    yield entry;
  }
}

/** Lines without their newline. The array is valid until the next one is asked for. */
function* lines(text: ByteSource & Disposable, subject: string): Generator<Uint8Array, void, undefined> {
  using source = text;
  let number = 1;
  const partial = new RawBuffer(MAX_LINE, () => {
    throw damaged(subject, number, `it is longer than ${MAX_LINE} bytes`);
  });
  for (let chunk = source.read(); chunk !== null; chunk = source.read()) {
    for (let at = 0; at < chunk.length; ) {
      const end = chunk.indexOf(0x0a, at);
      const part = chunk.subarray(at, end < 0 ? chunk.length : end);
      at += part.length + 1;
      if (end >= 0 && partial.length === 0) yield part;
      else partial.add(part);
      if (end < 0) break;
      if (partial.length > 0) yield partial.take();
      number++;
    }
  }
  if (partial.length > 0) yield partial.take();
}

/** BAD_ROOT instead of BAD_ARCHIVE: the file is part of a root, and no fetching again will mend it. */
function gunzip(file: ByteSource, subject: string): ByteSource & Disposable {
  const text = decompress(onlyGzip(file, subject), subject);
  return {
    read() {
      try {
        return text.read();
      } catch (error) {
        if (!(error instanceof OvlError) || error.code !== "BAD_ARCHIVE") throw error;
        const reason = String(error.fields["reason"] ?? error.message);
        throw new OvlError("BAD_ROOT", `${subject}: not valid gzip data: ${reason}`, { ...error.fields, subject });
      }
    },
    [Symbol.dispose]: () => text[Symbol.dispose](),
  };
}

const GZIP_MAGIC = [0x1f, 0x8b, 8];

/** `decompress` takes what is not compressed as it is, and zstd too; dockerd takes neither for this file. */
function onlyGzip(file: ByteSource, subject: string): ByteSource {
  let passed = 0;
  return {
    read() {
      const chunk = file.read();
      if (chunk === null && passed === 0) throw new OvlError("BAD_ROOT", `${subject}: empty`, { subject });
      for (let i = 0; chunk !== null && i < chunk.length && passed < GZIP_MAGIC.length; i++, passed++) {
        if (chunk[i] !== GZIP_MAGIC[passed]) throw new OvlError("BAD_ROOT", `${subject}: not gzip data`, { subject });
      }
      return chunk;
    },
  };
}

/** Null for an empty line. */
function parseLine(line: Uint8Array, bad: (what: string) => OvlError): SplitEntry | null {
  const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString("utf8");
  if (text.trim() === "") return null;
  const usual = usualSegment(text);
  if (usual !== null) return { type: "segment", payload: usual };
  const fields = parseObject(text, bad);
  const payload = bytesField(fields, "payload", bad);
  switch (fields["type"]) {
    case 1:
      return fileEntry(fields, payload, bad);
    case 2:
      return { type: "segment", payload: payload ?? new Uint8Array(0) };
    default:
      throw bad("its type is neither 1 nor 2");
  }
}

const SEGMENT_START = '{"type":2,"payload":"';
const SEGMENT_END = /^,"position":[0-9]+\}$/;

/**
 * The payload of a segment's line as every known writer writes it, which is half the lines and nearly all the
 * bytes of the file; null for any other line. A third less time than parsing all lines as JSON.
 */
function usualSegment(line: string): Buffer | null {
  if (!line.startsWith(SEGMENT_START)) return null;
  const end = line.indexOf('"', SEGMENT_START.length);
  return SEGMENT_END.test(line.slice(end + 1)) ? base64(line.slice(SEGMENT_START.length, end)) : null;
}

function fileEntry(
  fields: Readonly<Record<string, unknown>>,
  payload: Buffer | null,
  bad: (what: string) => OvlError,
): SplitEntry {
  const raw = bytesField(fields, "name_raw", bad);
  const { name = "", size = 0 } = fields;
  if (typeof name !== "string") throw bad("its name is no string");
  if (typeof size !== "number" || !Number.isInteger(size)) throw bad("its size is no integer");
  if (size > 0 && payload?.length !== 8) throw bad("its checksum has not 8 bytes");
  return {
    type: "file",
    name: raw !== null && raw.length > 0 ? byteString(raw) : byteStringOf(name),
    size,
    crc64: size === 0 ? null : payload,
  };
}

const LONG = { subject: "line", code: "BAD_ROOT", maxBytes: 4 * MAX_LINE, maxDepth: MAX_DEPTH } as const;

function parseObject(text: string, bad: (what: string) => OvlError): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = text.length < LONG_LINE ? JSON.parse(text) : parseJson(Buffer.from(text), LONG);
  } catch {
    throw bad("it is no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad("it is no JSON object");
  return value as Record<string, unknown>;
}

function bytesField(
  fields: Readonly<Record<string, unknown>>,
  key: string,
  bad: (what: string) => OvlError,
): Buffer | null {
  const value = fields[key] ?? null;
  if (value === null) return null;
  const bytes = typeof value === "string" ? base64(value) : null;
  if (bytes === null) throw bad(`its ${key} is no base64`);
  return bytes;
}

/** Null for what is none. Node takes anything, so what it made of it is turned back: faster than a pattern. */
function base64(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") === text) return bytes;
  // Bits behind the last byte, which nobody reads, need not be zero.
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? bytes : null;
}

function damaged(subject: string, line: number, what: string): OvlError {
  return new OvlError("BAD_ROOT", `${subject}: line ${line} is damaged: ${what}`, { subject, line });
}

function duplicate(subject: string, line: number, path: ByteString): OvlError {
  const name = displayName(path);
  return new OvlError("DUPLICATE_PATH", `${subject}: line ${line} has the path "${name}" a second time`, {
    subject,
    line,
    path: name,
  });
}

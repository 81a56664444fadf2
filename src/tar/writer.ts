/**
 * Headers of the archives that ovl makes. Like Go's writer: ustar, and before it a PAX header with just what
 * ustar cannot say. The same entry always gives the same bytes.
 *
 * Blocks are made by node-tar's Header. PAX records are made here: node-tar's are text and milliseconds,
 * these are bytes, nanoseconds and xattrs.
 */
import { Header, type HeaderData } from "tar/header";
import { OvlError } from "../errors.js";
import { type ByteString, byteString, displayName } from "../model/bytes.js";
import { baseName, cleanPath } from "./clean.js";
import type { TarEntry, TarTime, TarType } from "./entry.js";
import { BLOCK, blockSum, parseHeader } from "./header.js";

/** What there is to say of an entry to be written; what is left out is 0, empty or none. */
export type NewEntry = Pick<TarEntry, "name" | "mode"> &
  Partial<Omit<TarEntry, "type" | "typeFlag" | "sparse">> & { readonly type: WritableType };

export type WritableType = Exclude<TarType, "global" | "unknown">;

const TYPE_NAMES = {
  file: "File",
  hardlink: "Link",
  symlink: "SymbolicLink",
  char: "CharacterDevice",
  block: "BlockDevice",
  directory: "Directory",
  fifo: "FIFO",
} as const satisfies Record<WritableType, string>;

/** Largest numbers that fit as octal digits and a NUL in fields of 8 and of 12 bytes. */
const MAX_8 = 0o7777777;
const MAX_12 = 0o77777777777;

/** All blocks in front of an entry's payload. Throws INTERNAL for what no tar can say. */
export function encodeHeader(entry: NewEntry): Uint8Array {
  const records = new Map<string, string>();
  const { name, linkName = "" as ByteString, uid = 0, gid = 0, size = 0, mtime = { sec: 0, nsec: 0 } } = entry;
  const numeric = (key: string, value: number, max: number): number => {
    if (value >= 0 && value <= max) return value;
    records.set(key, String(value));
    return 0;
  };
  if (mtime.nsec !== 0 || mtime.sec < 0 || mtime.sec > MAX_12) records.set("mtime", paxTime(mtime));
  if (entry.atime) records.set("atime", paxTime(entry.atime));
  if (!fitsLink(linkName)) records.set("linkpath", linkName);
  for (const [key, value] of entry.xattrs ?? []) records.set(`SCHILY.xattr.${key}`, byteString(value));
  const fields: HeaderData = {
    type: TYPE_NAMES[entry.type],
    mode: entry.mode,
    uid: numeric("uid", uid, MAX_8),
    gid: numeric("gid", gid, MAX_8),
    size: numeric("size", size, MAX_12),
    mtime: new Date(1000 * (records.has("mtime") && (mtime.sec < 0 || mtime.sec > MAX_12) ? 0 : mtime.sec)),
    linkpath: plain(linkName, 100),
    devmaj: device(entry, entry.devMajor ?? 0),
    devmin: device(entry, entry.devMinor ?? 0),
  };
  let block = ustarName(name, fields);
  if (block === null) {
    records.set("path", name);
    block = encoded({ ...fields, path: plain(name, 99) });
  }
  return records.size === 0 ? block : Buffer.concat([paxHeader(name, records), block]);
}

/** Bytes to write after a payload of this size. */
export function padding(size: number): Uint8Array {
  return ZEROS.subarray(0, -size & (BLOCK - 1));
}

/** What closes an archive. */
export const END_OF_ARCHIVE: Uint8Array = new Uint8Array(2 * BLOCK);
const ZEROS = new Uint8Array(BLOCK);

/** The header with the name in it, where ustar can say the name and node-tar says just that. */
function ustarName(name: ByteString, fields: HeaderData): Buffer | null {
  // node-tar splits a long name by path arithmetic, which rewrites a name that is not clean; a directory's
  // slash is one such thing.
  if (!isAscii(name) || name.length > 256 || (name.length >= 100 && cleanPath(name) !== name)) return null;
  const block = encoded({ ...fields, path: name });
  const read = parseHeader(block, blockSum(new Uint32Array(block.buffer)), (reason) => {
    return new OvlError("INTERNAL", `node-tar wrote a header that cannot be read: ${reason}`);
  });
  return read.name === name ? block : null;
}

function encoded(fields: HeaderData): Buffer {
  const block = Buffer.from(new ArrayBuffer(BLOCK));
  new Header(fields).encode(block);
  return block;
}

/** `x` entry with its records, sorted as Go sorts them. */
function paxHeader(name: ByteString, records: ReadonlyMap<string, string>): Buffer {
  const body = [...records.keys()]
    .sort()
    .map((key) => record(key, records.get(key) as string))
    .join("");
  const path = plain(`PaxHeaders.0/${baseName(cleanPath(name))}` as ByteString, 99);
  const header = {
    type: "ExtendedHeader",
    path,
    mode: 0,
    uid: 0,
    gid: 0,
    size: body.length,
    mtime: new Date(0),
  } as const;
  return Buffer.concat([encoded(header), Buffer.from(body, "latin1"), padding(body.length)]);
}

/** One of a PAX header. The length counts its own digits. */
export function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return length + rest;
}

/** Seconds with a fraction; before 1970 the sign applies to both parts, so the fraction counts the other way. */
function paxTime({ sec, nsec }: TarTime): string {
  if (nsec === 0) return String(sec);
  const [sign, whole, fraction] = sec < 0 ? ["-", -(sec + 1), 1_000_000_000 - nsec] : ["", sec, nsec];
  return `${sign}${whole}.${String(fraction).padStart(9, "0").replace(/0+$/, "")}`;
}

function device(entry: NewEntry, value: number): number {
  if (value >= 0 && value <= MAX_8) return value;
  throw new OvlError("INTERNAL", `device number ${value} of ${displayName(entry.name)} does not fit a tar header`);
}

function isAscii(text: string): boolean {
  return /^[\x01-\x7f]*$/.test(text);
}

function fitsLink(link: ByteString): boolean {
  return isAscii(link) && link.length <= 100;
}

/**
 * What a header field shows of a text that a PAX record has in full. No slash at its end: v7 readers see a directory.
 */
function plain(text: ByteString, length: number): string {
  const ascii = text.replace(/[^\x01-\x7f]/g, "");
  return ascii === text && text.length <= length ? text : ascii.slice(0, length).replace(/\/+$/, "");
}

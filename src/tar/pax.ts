/** PAX extended headers: records parsed and applied as Go's archive/tar (1.19) does. */
import type { ByteString } from "../model/bytes.js";
import type { TarTime } from "./entry.js";
import type { Draft, Fail } from "./header.js";
import { decimal, idDecimal } from "./numbers.js";

/** Records by keyword, bytes as Latin-1. The last one of a keyword counts. */
export type PaxRecords = ReadonlyMap<string, string>;

const XATTR = "SCHILY.xattr.";
const SPARSE_OFFSET = "GNU.sparse.offset";
const SPARSE_BYTES = "GNU.sparse.numbytes";
const SPARSE_MAP = "GNU.sparse.map";

/** Fields of the header are C strings, so a NUL in their PAX form is an attempt to be read in two ways. */
const STRING_FIELDS: ReadonlySet<string> = new Set(["path", "linkpath", "uname", "gname"]);

/** `<length> <keyword>=<value>\n`, where length is decimal and counts the whole record. */
export function parsePax(body: Buffer, fail: Fail): PaxRecords {
  const records = new Map<string, string>();
  const map: string[] = [];
  let at = 0;
  while (at < body.length) {
    const space = body.indexOf(0x20, at);
    if (space < 0) throw fail("invalid PAX record: it has no length");
    const length = decimal(body.toString("latin1", at, space));
    const end = at + length;
    if (!(length >= 5 && end <= body.length && end > space + 1 && body[end - 1] === 0x0a)) {
      throw fail("invalid PAX record: its length is wrong");
    }
    const equals = body.indexOf(0x3d, space + 1);
    if (equals < 0 || equals >= end - 1 || equals === space + 1) throw fail("invalid PAX record: it has no keyword");
    const key = body.toString("latin1", space + 1, equals);
    const value = body.toString("latin1", equals + 1, end - 1);
    if ((STRING_FIELDS.has(key) ? value : key).includes("\0")) throw fail(`invalid PAX record: NUL in its text`);
    if (key === SPARSE_OFFSET || key === SPARSE_BYTES) {
      // Sparse format 0.0 repeats these two keywords in turn; as one list it is format 0.1.
      const expected = map.length % 2 === 0 ? SPARSE_OFFSET : SPARSE_BYTES;
      if (key !== expected || value.includes(",")) throw fail("invalid PAX record: sparse map out of order");
      map.push(value);
    } else {
      records.set(key, value);
    }
    at = end;
  }
  if (map.length > 0) records.set(SPARSE_MAP, map.join(","));
  return records;
}

/** Overrides header fields. Records with an empty value say nothing. */
export function applyPax(header: Draft, records: PaxRecords, fail: Fail): void {
  let xattrs: Map<ByteString, Uint8Array> | null = null;
  for (const [key, value] of records) {
    if (value === "") continue;
    switch (key) {
      case "path":
        header.name = value as ByteString;
        break;
      case "linkpath":
        header.linkName = value as ByteString;
        break;
      case "uid":
        header.uid = checked(idDecimal(value), key, fail);
        break;
      case "gid":
        header.gid = checked(idDecimal(value), key, fail);
        break;
      case "size":
        header.size = checked(decimal(value), key, fail);
        break;
      case "mtime":
        header.mtime = time(value, key, fail);
        break;
      case "atime":
        header.atime = time(value, key, fail);
        break;
      case "ctime":
        time(value, key, fail);
        break;
      default:
        if (key.startsWith(XATTR)) {
          xattrs ??= new Map();
          xattrs.set(key.slice(XATTR.length) as ByteString, Buffer.from(value, "latin1"));
        }
    }
  }
  if (xattrs !== null) header.xattrs = xattrs;
}

/** The one record of a global header that reaches tar-split: Go lets it rename the header itself. */
export function globalName(header: Draft, records: PaxRecords): ByteString {
  return (records.get("path") || header.name) as ByteString;
}

function checked(value: number, key: string, fail: Fail): number {
  if (Number.isNaN(value)) throw fail(`invalid PAX record: ${key} is no number`);
  return value;
}

/** Decimal seconds with a fraction, cut after nine digits. The sign applies to both parts. */
function time(value: string, key: string, fail: Fail): TarTime {
  const dot = value.indexOf(".");
  const whole = dot < 0 ? value : value.slice(0, dot);
  const fraction = dot < 0 ? "" : value.slice(dot + 1);
  const sec = checked(decimal(whole), key, fail);
  if (!/^[0-9]*$/.test(fraction)) throw fail(`invalid PAX record: ${key} is no time`);
  const nsec = Number(fraction.slice(0, 9).padEnd(9, "0"));
  if (nsec === 0) return { sec, nsec: 0 };
  return whole.startsWith("-") ? { sec: sec - 1, nsec: 1_000_000_000 - nsec } : { sec, nsec };
}

/** Entries as the lines that Go's `json.Encoder` writes for them, byte for byte. */
import { isUtf8 } from "node:buffer";
import { type ByteString, bytesOf } from "../model/bytes.js";
import type { SplitEntry } from "./entry.js";

/** @param position number of entries before this one
 *  @returns the line with its newline, one char per byte */
export function encodeEntry(entry: SplitEntry, position: number): ByteString {
  const line =
    entry.type === "segment"
      ? `{"type":2,"payload":"${base64(entry.payload)}","position":${position}}\n`
      : `{"type":1,${nameField(entry.name)}${sizeField(entry.size)}"payload":${crcValue(entry.crc64)},"position":${position}}\n`;
  return line as ByteString;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** Empty fields are left out; a name that JSON cannot carry goes into a field of bytes. */
function nameField(name: ByteString): string {
  if (name === "") return "";
  if (/[\x80-\xff]/.test(name)) {
    const bytes = bytesOf(name);
    if (!isUtf8(bytes)) return `"name_raw":"${bytes.toString("base64")}",`;
  }
  return `"name":"${escapeJson(name)}",`;
}

function sizeField(size: number): string {
  if (size === 0) return "";
  // Sizes that a number prints with an exponent exist only where nothing has that size: see FileEntry.
  return `"size":${Number.isSafeInteger(size) ? size : BigInt(size)},`;
}

function crcValue(crc64: Uint8Array | null): string {
  return crc64 === null ? "null" : `"${base64(crc64)}"`;
}

/** U+2028 and U+2029 in UTF-8 are e2 80 a8 and e2 80 a9. */
const SPECIAL = /["\\<>&\x00-\x1f]|\xe2\x80[\xa8\xa9]/;
const SPECIALS = new RegExp(SPECIAL, "g");

/** Go escapes what HTML and JavaScript could trip over, too. DEL and other text stay as they are. */
function escapeJson(name: string): string {
  return SPECIAL.test(name) ? name.replace(SPECIALS, escaped) : name;
}

function escaped(special: string): string {
  switch (special) {
    case '"':
    case "\\":
      return `\\${special}`;
    case "\n":
      return "\\n";
    case "\r":
      return "\\r";
    case "\t":
      return "\\t";
    case "\xe2\x80\xa8":
      return "\\u2028";
    case "\xe2\x80\xa9":
      return "\\u2029";
    default:
      return `\\u${special.charCodeAt(0).toString(16).padStart(4, "0")}`;
  }
}

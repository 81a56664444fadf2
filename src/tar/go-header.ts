/**
 * Headers byte for byte as Go's archive/tar (1.19, writer.go) writes them. `encodeHeader` says the same in other bytes;
 * a layer that is to have the DiffID that docker would give it needs these.
 */

import { OvlError } from "../errors.js";
import { type ByteString, byteString, displayName } from "../model/bytes.js";
import { cleanPath } from "./clean.js";
import type { TarTime } from "./entry.js";
import { BLOCK, FLAG } from "./header.js";
import { type NewEntry, padding, record, type WritableType } from "./writer.js";

/** Names of the owner are what a machine calls uid and gid. */
export type GoEntry = NewEntry & { readonly userName?: ByteString; readonly groupName?: ByteString };

const FLAGS: Readonly<Record<WritableType, number>> = {
  file: FLAG.REGULAR,
  hardlink: FLAG.HARDLINK,
  symlink: FLAG.SYMLINK,
  char: FLAG.CHAR,
  block: FLAG.BLOCK,
  directory: FLAG.DIRECTORY,
  fifo: FLAG.FIFO,
};

const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
const OWNER_BYTES = 32;
const NOTHING = "" as ByteString;
const NO_TIME: TarTime = { sec: 0, nsec: 0 };

/**
 * All blocks in front of an entry's payload, as `tar.Header.Format` PAX has them: a long name is split over the two
 * fields that ustar has for it, unless that cannot be or something else needs a PAX header. Times are whole seconds.
 * Throws INTERNAL for a device that no tar can say.
 */
export function goHeader(entry: GoEntry): Uint8Array {
  const { name, linkName = NOTHING, userName = NOTHING, groupName = NOTHING, mtime = NO_TIME } = entry;
  const records = new Map<string, string>();
  const block = Buffer.alloc(BLOCK);
  const number = (offset: number, length: number, value: number, key: string) => {
    const fits = value >= 0 && value < 8 ** (length - 1);
    if (!fits) records.set(key, String(value));
    octal(block, offset, length, fits ? value : 0);
  };
  const string = (offset: number, length: number, value: ByteString, key: string) => {
    if (value.length > length || ascii(value) !== value) records.set(key, value);
    text(block, offset, length, value);
  };
  for (const [key, value] of entry.xattrs ?? []) records.set(`SCHILY.xattr.${key}`, byteString(value));
  number(100, 8, entry.mode, "mode");
  number(108, 8, entry.uid ?? 0, "uid");
  number(116, 8, entry.gid ?? 0, "gid");
  number(124, 12, entry.size ?? 0, "size");
  number(136, 12, mtime.sec, "mtime");
  block[156] = FLAGS[entry.type];
  string(157, NAME_BYTES, linkName, "linkpath");
  string(265, OWNER_BYTES, userName, "uname");
  string(297, OWNER_BYTES, groupName, "gname");
  number(329, 8, entry.devMajor ?? 0, "device");
  number(337, 8, entry.devMinor ?? 0, "device");
  if (records.has("mode") || records.has("device")) {
    throw new OvlError("INTERNAL", `mode or device number of ${displayName(name)} does not fit a tar header`);
  }
  const split = records.size === 0 ? splitName(name) : null;
  if (split === null) string(0, NAME_BYTES, name, "path");
  else {
    text(block, 0, NAME_BYTES, split.suffix);
    text(block, 345, PREFIX_BYTES, split.prefix);
  }
  sign(block);
  return records.size === 0 ? block : Buffer.concat([paxHeader(name, records), block]);
}

function paxHeader(name: ByteString, records: ReadonlyMap<string, string>): Buffer {
  const body = [...records]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => record(key, value))
    .join("");
  const at = name.lastIndexOf("/") + 1;
  const path = cleanPath(`${name.slice(0, at)}PaxHeaders.0/${name.slice(at)}` as ByteString);
  const block = Buffer.alloc(BLOCK);
  text(block, 0, NAME_BYTES, ascii(path).slice(0, NAME_BYTES).replace(/\/+$/, ""));
  for (const [offset, length] of [
    [100, 8],
    [108, 8],
    [116, 8],
    [136, 12],
  ] as const)
    octal(block, offset, length, 0);
  octal(block, 124, 12, body.length);
  block[156] = FLAG.PAX;
  sign(block);
  return Buffer.concat([block, Buffer.from(body, "latin1"), padding(body.length)]);
}

/** At the last slash that leaves a name that fits; null where the name fits whole, or has none. */
function splitName(name: ByteString): { readonly prefix: string; readonly suffix: string } | null {
  if (name.length <= NAME_BYTES || ascii(name) !== name) return null;
  const searched = name.length > PREFIX_BYTES + 1 ? PREFIX_BYTES + 1 : name.length - (name.endsWith("/") ? 1 : 0);
  const at = name.slice(0, searched).lastIndexOf("/");
  const suffix = name.slice(at + 1);
  if (at <= 0 || suffix.length > NAME_BYTES || suffix === "") return null;
  return { prefix: name.slice(0, at), suffix };
}

/** What is no ASCII is left out: a PAX record has it. */
function ascii(value: string): string {
  return value.replace(/[^\x01-\x7f]/g, "");
}

/** Up to the end of the field, then without NUL; a slash where it is cut would make old readers see a directory. */
function text(block: Buffer, offset: number, length: number, value: string): void {
  const plain = ascii(value);
  const cut = plain.slice(0, length);
  block.write(plain.length > length ? cut.replace(/\/+$/, "") : cut, offset, "latin1");
}

function octal(block: Buffer, offset: number, length: number, value: number): void {
  block.write(value.toString(8).padStart(length - 1, "0"), offset, "latin1");
}

function sign(block: Buffer): void {
  block.write("ustar\x0000", 257, "latin1");
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}

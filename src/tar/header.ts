/** One header block: v7, ustar, PAX, STAR or GNU, told apart and read as Go's archive/tar (1.19) does. */
import type { OvlError } from "../errors.js";
import type { ByteString } from "../model/bytes.js";
import type { TarEntry, TarTime, TarType } from "./entry.js";
import { idNumeric, numeric, octal } from "./numbers.js";

export const BLOCK = 512;

/** An entry while its extension headers are still being applied. */
export type Draft = { -readonly [K in keyof TarEntry]: TarEntry[K] };

/** Makes the error for something malformed; the reader adds which entry and where. */
export type Fail = (reason: string) => OvlError;

/** Type flags by their character. */
export const FLAG = {
  REGULAR_V7: 0,
  REGULAR: 0x30,
  HARDLINK: 0x31,
  SYMLINK: 0x32,
  CHAR: 0x33,
  BLOCK: 0x34,
  DIRECTORY: 0x35,
  FIFO: 0x36,
  PAX: 0x78,
  PAX_GLOBAL: 0x67,
  GNU_SPARSE: 0x53,
  GNU_LONG_NAME: 0x4c,
  GNU_LONG_LINK: 0x4b,
} as const;

const NO_XATTRS: ReadonlyMap<ByteString, Uint8Array> = new Map();

/**
 * Sum of all bytes of a block; 0 says that it is all zeros.
 * Two bytes a lane of 16 bits, 128 words: at most 65,280 a lane. 0.1 us a block, 0.35 us byte by byte.
 * @param words the block as 32-bit words
 */
export function blockSum(words: Uint32Array): number {
  let lanes = 0;
  for (let i = 0; i < BLOCK / 4; i++) {
    const word = words[i] as number;
    lanes = (lanes + (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff)) | 0;
  }
  return (lanes & 0xffff) + (lanes >>> 16);
}

/** @param sum what `blockSum` says of the block */
export function parseHeader(block: Buffer, sum: number, fail: Fail): Draft {
  checkChecksum(block, sum, fail);
  const typeFlag = block[156] as number;
  const header: Draft = {
    name: text(block, 0, 100),
    linkName: text(block, 157, 100),
    type: typeOf(typeFlag),
    typeFlag,
    mode: number(idNumeric(block, 100, 8), "mode", fail),
    uid: number(idNumeric(block, 108, 8), "uid", fail),
    gid: number(idNumeric(block, 116, 8), "gid", fail),
    size: number(numeric(block, 124, 12), "size", fail),
    mtime: { sec: number(numeric(block, 136, 12), "mtime", fail), nsec: 0 },
    atime: null,
    devMajor: 0,
    devMinor: 0,
    xattrs: NO_XATTRS,
    sparse: false,
  };
  const format = formatOf(block);
  if (format === "v7") return header;
  header.devMajor = number(idNumeric(block, 329, 8), "device major", fail);
  header.devMinor = number(idNumeric(block, 337, 8), "device minor", fail);
  const prefix = extras(block, format, header, fail);
  if (prefix !== "") header.name = `${prefix}/${header.name}` as ByteString;
  return header;
}

/** Types of 1 to 6 have no payload, whatever their size field says. */
export function isHeaderOnly(type: TarType): boolean {
  return type !== "file" && type !== "unknown" && type !== "global";
}

/** Whether a block has the GNU magic: the sparse map of type `S` means nothing in other formats. */
export function isGnu(block: Buffer): boolean {
  return formatOf(block) === "gnu";
}

/** Bytes up to the first NUL. */
export function text(block: Buffer, offset: number, length: number): ByteString {
  let end = offset;
  while (end < offset + length && block[end] !== 0) end++;
  return block.toString("latin1", offset, end) as ByteString;
}

export function number(value: number, field: string, fail: Fail): number {
  if (Number.isNaN(value)) throw fail(`invalid header: its ${field} is no number`);
  return value;
}

function typeOf(flag: number): TarType {
  switch (flag) {
    case FLAG.REGULAR_V7:
    case FLAG.REGULAR:
      return "file";
    case FLAG.HARDLINK:
      return "hardlink";
    case FLAG.SYMLINK:
      return "symlink";
    case FLAG.CHAR:
      return "char";
    case FLAG.BLOCK:
      return "block";
    case FLAG.DIRECTORY:
      return "directory";
    case FLAG.FIFO:
      return "fifo";
    case FLAG.PAX_GLOBAL:
      return "global";
    default:
      return "unknown";
  }
}

/** The checksum counts its own field as spaces. Sun's tar summed signed bytes; both are accepted. */
function checkChecksum(block: Buffer, sum: number, fail: Fail): void {
  const stored = octal(block, 148, 8);
  let unsigned = sum + 8 * 0x20;
  for (let i = 148; i < 156; i++) unsigned -= block[i] as number;
  if (stored === unsigned) return;
  let signed = unsigned;
  for (let i = 0; i < BLOCK; i++) if ((i < 148 || i >= 156) && (block[i] as number) > 0x7f) signed -= 256;
  if (stored !== signed) throw fail("invalid header: its checksum does not match");
}

type Format = "v7" | "ustar" | "star" | "gnu";

function formatOf(block: Buffer): Format {
  // "ustar" and then NUL, or a space and version " \0".
  if (block[257] !== 0x75 || block.toString("latin1", 257, 262) !== "ustar") return "v7";
  if (block[262] === 0) return block.toString("latin1", 508, 512) === "tar\0" ? "star" : "ustar";
  return block[262] === 0x20 && block[263] === 0x20 && block[264] === 0 ? "gnu" : "v7";
}

/** Fields after the device numbers. Returns the prefix of the name. */
function extras(block: Buffer, format: Exclude<Format, "v7">, header: Draft, fail: Fail): string {
  switch (format) {
    case "ustar":
      return text(block, 345, 155);
    case "star":
      header.atime = { sec: number(numeric(block, 476, 12), "atime", fail), nsec: 0 };
      number(numeric(block, 488, 12), "ctime", fail);
      return text(block, 345, 131);
    case "gnu": {
      const atime = optionalTime(block, 345);
      const ctime = optionalTime(block, 357);
      if (atime !== "invalid" && ctime !== "invalid") {
        header.atime = atime;
        return "";
      }
      // Go before 1.8 wrote a ustar prefix over the GNU times when a name was long. Its readers, dockerd's
      // among them, take times that are no numbers for such a prefix, if it is ASCII.
      const prefix = text(block, 345, 155);
      return /^[\x01-\x7f]*$/.test(prefix) ? prefix : "";
    }
  }
}

function optionalTime(block: Buffer, offset: number): TarTime | null | "invalid" {
  if (block[offset] === 0) return null;
  const sec = numeric(block, offset, 12);
  return Number.isNaN(sec) ? "invalid" : { sec, nsec: 0 };
}

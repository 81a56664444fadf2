/**
 * Tars by hand, byte for byte: every header form that tars in the field have, and those that none should have.
 *
 *   const layer = tar(dir("etc/"), file("etc/motd", "hello\n", { mode: 0o600 }), whiteout("etc/old"), END);
 *
 * Deliberately independent of the codecs that ovl uses; `tar-builder.test.ts` reads what it makes with node-tar.
 * Text is written as UTF-8; names and values that are not text are given as bytes.
 */
export type Bytes = string | Uint8Array;

export interface EntryOptions {
  readonly mode?: number;
  readonly uid?: number | bigint;
  readonly gid?: number | bigint;
  /** Whole seconds of the header field. Fractions need `pax: { mtime: "1.5" }`. */
  readonly mtime?: number;
  /** What the header says, when that is not the payload's length. */
  readonly size?: number | bigint;
  readonly link?: Bytes;
  readonly device?: readonly [major: number, minor: number];
  readonly uname?: string;
  readonly gname?: string;
  /** `gnu`: magic `ustar  `, no prefix field. `v7`: no magic, no owner names, no devices. */
  readonly magic?: "ustar" | "gnu" | "v7";
  /** Writes numbers in base-256 even where octal digits would do. */
  readonly base256?: boolean;
  /** Splits a name longer than 100 bytes at this slash: everything before it goes into the prefix field. */
  readonly prefix?: Bytes;
  /** Records of a PAX extended header, put before the entry in this order. */
  readonly pax?: Readonly<Record<string, Bytes>>;
  /** Short for PAX records `SCHILY.xattr.<name>`. */
  readonly xattrs?: Readonly<Record<string, Bytes>>;
  /** Puts a GNU `L` (name) or `K` (link) entry before this one when it does not fit 100 bytes. */
  readonly gnuLong?: boolean;
  /** Bytes for the padding after the payload; zeros by default, fewer bytes to cut it short. */
  readonly padding?: Uint8Array;
  /** Patches the finished header, after which the checksum is computed again. */
  readonly patch?: (header: Buffer) => void;
}

/** mtime of entries that do not say: 2001-09-09T01:46:40Z, far from "now". */
export const MTIME = 1_000_000_000;
/** The end-of-archive marker: two zero blocks. */
export const END: Buffer = Buffer.alloc(1024);

/** Pieces one after the other; nothing is added, so an archive that should end well ends with `END`. */
export function tar(...pieces: readonly Uint8Array[]): Buffer {
  return Buffer.concat(pieces);
}

/** `tar` with the end-of-archive marker. */
export function layer(...pieces: readonly Uint8Array[]): Buffer {
  return tar(...pieces, END);
}

export function file(name: Bytes, content: Bytes = "", options: EntryOptions = {}): Buffer {
  return entry("0", name, content, { mode: 0o644, ...options });
}
export function dir(name: Bytes, options: EntryOptions = {}): Buffer {
  return entry("5", name, "", { mode: 0o755, ...options });
}
export function symlink(name: Bytes, link: Bytes, options: EntryOptions = {}): Buffer {
  return entry("2", name, "", { mode: 0o777, ...options, link });
}
export function hardlink(name: Bytes, link: Bytes, options: EntryOptions = {}): Buffer {
  return entry("1", name, "", { mode: 0o644, ...options, link });
}
export function char(name: Bytes, major: number, minor: number, options: EntryOptions = {}): Buffer {
  return entry("3", name, "", { mode: 0o660, ...options, device: [major, minor] });
}
export function block(name: Bytes, major: number, minor: number, options: EntryOptions = {}): Buffer {
  return entry("4", name, "", { mode: 0o660, ...options, device: [major, minor] });
}
export function fifo(name: Bytes, options: EntryOptions = {}): Buffer {
  return entry("6", name, "", { mode: 0o600, ...options });
}

/** Deletes a path of the layers below: `whiteout("etc/old")` is the entry `etc/.wh.old`. */
export function whiteout(path: string, options: EntryOptions = {}): Buffer {
  const slash = path.lastIndexOf("/") + 1;
  return file(`${path.slice(0, slash)}.wh.${path.slice(slash)}`, "", options);
}
/** Hides everything that the layers below have in a directory. */
export function opaque(path: string, options: EntryOptions = {}): Buffer {
  return file(path === "" ? ".wh..wh..opq" : `${path}/.wh..wh..opq`, "", options);
}

/** A PAX global header with its records. */
export function paxGlobal(records: Readonly<Record<string, Bytes>>, name: Bytes = "pax_global_header"): Buffer {
  return entry("g", name, paxRecords(records));
}
/** A PAX extended header alone, for an entry that follows. */
export function paxHeader(records: Readonly<Record<string, Bytes>>, name: Bytes = "PaxHeaders.0/x"): Buffer {
  return entry("x", name, paxRecords(records));
}

/** An entry of any type flag: its extension headers, its header, its payload, padded to blocks. */
export function entry(flag: string | number, name: Bytes, content: Bytes = "", options: EntryOptions = {}): Buffer {
  const payload = bytes(content);
  const nameBytes = bytes(name);
  const records: Record<string, Bytes> = { ...options.pax };
  for (const [key, value] of Object.entries(options.xattrs ?? {})) records[`SCHILY.xattr.${key}`] = value;
  const pieces: Uint8Array[] = [];
  if (options.gnuLong === true && nameBytes.length > 100) pieces.push(gnuLong("L", nameBytes));
  if (options.gnuLong === true && bytes(options.link ?? "").length > 100) {
    pieces.push(gnuLong("K", bytes(options.link ?? "")));
  }
  if (Object.keys(records).length > 0) pieces.push(paxHeader(records));
  pieces.push(header(flag, nameBytes, payload.length, options), payload);
  pieces.push(options.padding ?? Buffer.alloc(-payload.length & 511));
  return Buffer.concat(pieces);
}

function gnuLong(flag: "L" | "K", value: Uint8Array): Buffer {
  return entry(flag, "././@LongLink", Buffer.concat([value, Buffer.alloc(1)]), { magic: "gnu", mtime: 0 });
}

/** One 512-byte header block. */
function header(flag: string | number, name: Uint8Array, length: number, options: EntryOptions): Buffer {
  const { magic = "ustar", base256 = false } = options;
  const block = Buffer.alloc(512);
  const put = (value: Uint8Array, offset: number, size: number) => block.set(value.subarray(0, size), offset);
  const number = (value: number | bigint, offset: number, size: number) =>
    put(numeric(BigInt(value), size, base256), offset, size);

  const prefix = bytes(options.prefix ?? "");
  const rest = prefix.length > 0 ? name.subarray(prefix.length + 1) : name;
  if (rest.length > 100 && options.gnuLong !== true && options.pax?.["path"] === undefined) {
    throw new Error(`a name of ${name.length} bytes needs a prefix, a PAX path or a GNU long name`);
  }
  put(rest, 0, 100);
  number(options.mode ?? 0o644, 100, 8);
  number(options.uid ?? 0, 108, 8);
  number(options.gid ?? 0, 116, 8);
  number(options.size ?? length, 124, 12);
  number(options.mtime ?? MTIME, 136, 12);
  block[156] = typeof flag === "number" ? flag : flag.charCodeAt(0);
  put(bytes(options.link ?? ""), 157, 100);
  if (magic !== "v7") {
    put(bytes(magic === "gnu" ? "ustar  \0" : "ustar\x0000"), 257, 8);
    put(bytes(options.uname ?? ""), 265, 32);
    put(bytes(options.gname ?? ""), 297, 32);
    number(options.device?.[0] ?? 0, 329, 8);
    number(options.device?.[1] ?? 0, 337, 8);
    if (magic === "ustar") put(prefix, 345, 155);
  }
  options.patch?.(block);
  return checksummed(block);
}

/** The header with its checksum field filled in. */
export function checksummed(block: Buffer): Buffer {
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** Octal digits and a NUL; where they do not fit, or on demand, two's complement base-256 behind a marker bit. */
function numeric(value: bigint, size: number, base256: boolean): Buffer {
  const digits = value.toString(8);
  if (!base256 && value >= 0n && digits.length < size) {
    return Buffer.from(`${digits.padStart(size - 1, "0")}\0`, "latin1");
  }
  const field = Buffer.alloc(size);
  for (let i = size - 1, left = value; i >= 0; i--, left >>= 8n) field[i] = Number(left & 0xffn);
  field[0] = (field[0] as number) | 0x80;
  return field;
}

/** `<length> <key>=<value>\n`, where length counts itself. */
export function paxRecords(records: Readonly<Record<string, Bytes>>): Buffer {
  return Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)));
}

function paxRecord(key: string, value: Bytes): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), bytes(value), Buffer.from("\n")]);
  let total = body.length + 1;
  while (String(total).length + body.length !== total) total = String(total).length + body.length;
  return Buffer.concat([Buffer.from(String(total)), body]);
}

/** Text as UTF-8, bytes as they are. */
export function bytes(value: Bytes): Buffer {
  return typeof value === "string" ? Buffer.from(value, "utf8") : Buffer.from(value);
}

/** Bytes given one char each, for names that are not UTF-8: `latin1("caf\xe9")`. */
export function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

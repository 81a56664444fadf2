/** gzip members (RFC 1952) with any header, right or wrong. */
import { crc32, deflateRawSync } from "node:zlib";

export interface MemberParts {
  /** Reserved bits too. */
  readonly flags?: number;
  readonly extra?: Uint8Array;
  readonly name?: string;
  readonly comment?: string;
  /** Adds the header's checksum; "wrong": one that does not agree. */
  readonly headerCrc?: boolean | "wrong";
  readonly level?: number;
  /** Deflate stream in place of data's. */
  readonly body?: Uint8Array;
  readonly crc?: number;
  readonly size?: number;
}

export function gzipMember(data: Uint8Array, parts: MemberParts = {}): Buffer {
  const { extra, name, comment, headerCrc } = parts;
  const flags =
    (parts.flags ?? 0) |
    (headerCrc ? 2 : 0) |
    (extra === undefined ? 0 : 4) |
    (name === undefined ? 0 : 8) |
    (comment === undefined ? 0 : 16);
  const header = [Buffer.of(0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255)];
  if (extra !== undefined) header.push(Buffer.of(extra.length & 0xff, extra.length >> 8), Buffer.from(extra));
  if (name !== undefined) header.push(Buffer.from(`${name}\0`, "latin1"));
  if (comment !== undefined) header.push(Buffer.from(`${comment}\0`, "latin1"));
  if (headerCrc) {
    const crc = (crc32(Buffer.concat(header)) & 0xffff) ^ (headerCrc === "wrong" ? 1 : 0);
    header.push(Buffer.of(crc & 0xff, crc >> 8));
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(parts.crc ?? crc32(data), 0);
  trailer.writeUInt32LE(parts.size ?? data.length, 4);
  return Buffer.concat([...header, parts.body ?? deflateRawSync(data, { level: parts.level ?? 6 }), trailer]);
}

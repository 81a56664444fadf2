/** Zstandard frames (RFC 8878) without a compressor: raw blocks, and run-length blocks for long runs of one byte. */
import { spawnSync } from "node:child_process";

const MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
/** Largest block that the format allows. */
const BLOCK = 128 * 1024;

/** Compressed by zstd(1) where it is installed, else stored. Either way a frame with its content size. */
export function zstd(bytes: Uint8Array): Buffer {
  const { status, stdout } = spawnSync("zstd", ["-q", "-c", "-9", "--no-check"], { input: bytes, maxBuffer: 2 ** 30 });
  return status === 0 ? stdout : zstdStored(bytes);
}

/** One frame of raw blocks. */
export function zstdStored(bytes: Uint8Array): Buffer {
  const pieces: Uint8Array[] = [frameHeader(BigInt(bytes.length))];
  for (let at = 0; ; at += BLOCK) {
    const chunk = bytes.subarray(at, at + BLOCK);
    const last = at + BLOCK >= bytes.length;
    pieces.push(blockHeader(chunk.length, 0, last), chunk);
    if (last) return Buffer.concat(pieces);
  }
}

/** A bomb: `blocks` times 128 KiB of zeros, four bytes each. */
export function zstdBomb(blocks: number): Buffer {
  const pieces: Uint8Array[] = [frameHeader(BigInt(blocks * BLOCK))];
  for (let i = 1; i <= blocks; i++) pieces.push(blockHeader(BLOCK, 1, i === blocks), Buffer.of(0));
  return Buffer.concat(pieces);
}

/** Descriptor: 8-byte content size, no checksum, no dictionary; window of 128 KiB. */
function frameHeader(contentSize: bigint): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(contentSize);
  return Buffer.concat([MAGIC, Buffer.of(0b1100_0000, 0x38), size]);
}

function blockHeader(size: number, type: 0 | 1, last: boolean): Buffer {
  const value = (size << 3) | (type << 1) | (last ? 1 : 0);
  return Buffer.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff);
}

/** How a layer or an archive is compressed, by its first bytes. */

export type Compression = "none" | "gzip" | "zstd" | "bzip2" | "xz";

/** Enough bytes to tell every format. */
export const MAGIC_BYTES = 8;
const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b, 0x08]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

/** The format of a stream by its first bytes, eight if it has them. As moby detects it. */
export function detectCompression(first: Uint8Array): Compression {
  for (const [compression, magic] of MAGIC) {
    if (magic.every((byte, i) => first[i] === byte)) return compression;
  }
  // A zstd stream can start with a frame to skip: 0x184D2A50 to 0x184D2A5F, and its size.
  const [a = 0, b, c, d] = first;
  const skippable = first.length >= MAGIC_BYTES && a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18;
  return skippable ? "zstd" : "none";
}

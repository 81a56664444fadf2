/** A program of about 170 bytes that needs nothing: no loader, no library, no compiler to make it. */

const BASE = 0x400000n;
const HEADERS = 64 + 56;

/** A static Linux executable, by default for this machine, that writes text and exits 0. */
export function helloElf(text: string, arch: string = process.arch): Buffer {
  const message = Buffer.from(text);
  const code = arch === "arm64" ? arm64(message.length) : x64(message.length);
  const size = BigInt(HEADERS + code.length + message.length);
  const elf = Buffer.alloc(HEADERS);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  elf.writeUInt16LE(2, 16); // executable
  elf.writeUInt16LE(arch === "arm64" ? 183 : 62, 18);
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(BASE + BigInt(HEADERS), 24); // entry
  elf.writeBigUInt64LE(64n, 32); // program headers
  elf.writeUInt16LE(64, 52);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt32LE(1, 64); // one segment to load, readable and executable: the whole file
  elf.writeUInt32LE(5, 68);
  elf.writeBigUInt64LE(BASE, 80);
  elf.writeBigUInt64LE(BASE, 88);
  elf.writeBigUInt64LE(size, 96);
  elf.writeBigUInt64LE(size, 104);
  elf.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([elf, code, message]);
}

/** write(1, message, length); exit(0); the message follows the code. */
function x64(length: number): Buffer {
  const code = Buffer.from("b801000000bf01000000488d3510000000ba000000000f05b83c00000031ff0f05", "hex");
  code.writeUInt32LE(length, 18);
  return code;
}

function arm64(length: number): Buffer {
  const words = [0xd2800808, 0xd2800020, 0x100000c1, 0xd2800002 | (length << 5), 0xd4000001, 0xd2800ba8, 0xd2800000];
  const code = Buffer.alloc(32);
  [...words, 0xd4000001].forEach((word, i) => {
    code.writeUInt32LE(word >>> 0, i * 4);
  });
  return code;
}

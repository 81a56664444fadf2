/**
 * Numbers as tar headers and PAX records write them, accepted and refused as Go's archive/tar (1.19) does.
 * NaN stands for "no number". Values beyond 2^53 lose their low bits, except those of ids (`id…`).
 */
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

const NUL = 0x00;
const SPACE = 0x20;

/** A header field: octal digits, or base-256 when the first bit is set. May be negative. */
export function numeric(block: Buffer, offset: number, length: number): number {
  if ((block[offset] as number) < 0x80) return octal(block, offset, length);
  const value = base256(block, offset, length);
  return value === null ? Number.NaN : Number(value);
}

/** A header field whose low 32 bits are all that a system call sees: uid, gid, device numbers. */
export function idNumeric(block: Buffer, offset: number, length: number): number {
  if ((block[offset] as number) < 0x80) return octal(block, offset, length);
  return idOf(base256(block, offset, length));
}

/** Octal digits between any spaces and NULs; a NUL among them ends the number. An empty field is 0. */
export function octal(block: Buffer, offset: number, length: number): number {
  let from = offset;
  let to = offset + length;
  while (from < to && isBlank(block[from])) from++;
  while (from < to && isBlank(block[to - 1])) to--;
  let value = 0;
  for (let i = from; i < to; i++) {
    const byte = block[i] as number;
    if (byte === NUL) break;
    const digit = byte - 0x30;
    if (digit < 0 || digit > 7) return Number.NaN;
    value = value * 8 + digit;
  }
  return value;
}

/** Decimal digits with an optional sign, as far as 64 bits go. */
export function decimal(text: string): number {
  const value = decimalInteger(text);
  return value === null ? Number.NaN : Number(value);
}

/** `decimal` of a uid or gid. */
export function idDecimal(text: string): number {
  return idOf(decimalInteger(text));
}

function decimalInteger(text: string): number | bigint | null {
  if (!/^[+-]?[0-9]+$/.test(text)) return null;
  if (text.length <= 15) return Number(text) + 0; // no negative zero
  const sign = text[0] === "-" ? -1n : 1n;
  // Leading zeros are legal, more digits than 64 bits can hold are not: BigInt never sees a long text.
  const digits = text.replace(/^[+-]?0*/, "");
  if (digits.length > 19) return null;
  const value = sign * BigInt(digits || "0");
  return value < INT64_MIN || value > INT64_MAX ? null : value;
}

/** Two's complement, big-endian; the topmost bit marks the encoding and is no part of the number. */
function base256(block: Buffer, offset: number, length: number): bigint | null {
  const negative = ((block[offset] as number) & 0x40) !== 0;
  let value = negative ? -1n : 0n;
  for (let i = 0; i < length; i++) {
    const byte = block[offset + i] as number;
    if (i > 0) value = (value << 8n) | BigInt(byte);
    else value = (value << 7n) | BigInt(byte & 0x7f);
  }
  return value < INT64_MIN || value > INT64_MAX ? null : value;
}

function idOf(value: number | bigint | null): number {
  if (value === null) return Number.NaN;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : Number(BigInt.asUintN(32, BigInt(value)));
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === NUL;
}

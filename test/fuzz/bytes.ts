/** Bytes damaged without knowing what they mean. */
import type { Random } from "./random.js";

const LOUD = [0x00, 0x01, 0x0a, 0x1b, 0x20, 0x22, 0x2f, 0x30, 0x5c, 0x7f, 0x80, 0xff];

/**
 * A changed copy: one to four of bits flipped, bytes set, stretches cut out, doubled, zeroed, put elsewhere; or cut.
 */
export function damaged(bytes: Uint8Array, random: Random): Buffer {
  let copy: Buffer = Buffer.from(bytes);
  for (let times = 1 + random.below(4); times > 0; times--) copy = damagedOnce(copy, random);
  return copy;
}

function damagedOnce(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return random.bytes(random.below(16));
  const at = random.below(bytes.length);
  // Blocks are what most formats here are made of.
  const block = random.once(2);
  const from = block ? at - (at % 512) : at;
  const to = Math.min(bytes.length, from + (block ? 512 * (1 + random.below(3)) : 1 + random.below(64)));
  const [head, part, tail] = [bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)];
  switch (random.below(8)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      return bytes;
    case 1:
      bytes[at] = random.pick(LOUD);
      return bytes;
    case 2:
      return Buffer.concat([head, tail]);
    case 3:
      return Buffer.concat([head, part, part, tail]);
    case 4:
      part.fill(random.pick(LOUD));
      return bytes;
    case 5:
      return bytes.subarray(0, at);
    case 6:
      return Buffer.concat([head, random.bytes(1 + random.below(32)), tail]);
    default: {
      const rest = Buffer.concat([head, tail]);
      const to = random.below(rest.length + 1);
      return Buffer.concat([rest.subarray(0, to), part, rest.subarray(to)]);
    }
  }
}

/** Offsets at which a stream of this length is cut into the pieces that a reader gets. */
export function pieceSizes(random: Random): readonly number[] {
  return random.pick([[1 << 20], [512], [511, 513], [1, 4096], [7, 64, 3000], [random.below(5000) + 1]]);
}

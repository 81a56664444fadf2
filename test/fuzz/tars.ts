/** Layers that somebody made in order to do harm, or that a broken tool made. */
import { type Bytes, checksummed, END, type EntryOptions, entry, paxRecords } from "../support/tar-builder.js";
import { damaged } from "./bytes.js";
import { EDGES, type Random } from "./random.js";

/** What entries are made of. `outside` is a directory that nothing may touch, as an absolute path. */
export interface TarWords {
  readonly outside: string;
}

const FLAGS = [..."0000000111222255556347gxLKSDMNVZA", "\0", "\x80"];
const ESCAPES = ["\x1b[2J\x1b[H", "\x1b]0;owned\x07", "\x9b31m", "\u202egnp.exe", "a\nb", "a\rb", "\x7f", "\x00hidden"];

export function randomTar(random: Random, words: TarWords): Buffer {
  const pieces = random.some(12, () => randomEntry(random, words));
  if (!random.once(8)) pieces.push(END);
  const bytes = Buffer.concat(pieces);
  switch (random.below(6)) {
    case 0:
      return damaged(bytes, random);
    case 1:
      return damagedHeader(bytes, random);
    default:
      return bytes;
  }
}

function randomEntry(random: Random, words: TarWords): Buffer {
  const flag = random.pick(FLAGS);
  const link = random.once(3) ? "" : nameOf(random, words);
  const options: EntryOptions = {
    mode: random.once(4) ? random.below(0o200000) : 0o755,
    link: short(link),
    magic: random.pick(["ustar", "ustar", "gnu", "v7"]),
    ...(random.once(6) ? { uid: random.pick(EDGES), gid: random.pick(EDGES) } : {}),
    ...(random.once(10) ? { mtime: Number(random.pick(EDGES.filter((edge) => edge >= 0n && edge < 2n ** 62n))) } : {}),
    ...(random.once(12) ? { size: random.pick(EDGES) } : {}),
    ...(random.once(12) ? { base256: true } : {}),
    ...("34".includes(flag)
      ? {
          device: random.pick([
            [0, 0],
            [1, 3],
            [2 ** 20, 2 ** 20],
            [8, 0],
          ] as const),
        }
      : {}),
    ...(random.once(4) ? { pax: paxOf(random, words) } : {}),
    ...(random.once(8) ? { xattrs: xattrsOf(random) } : {}),
    ...(random.once(20) ? { padding: random.bytes(random.below(512)) } : {}),
  };
  if (flag === "x" || flag === "g") return entry(flag, "pax", paxBody(random, words), { ...options, pax: {} });
  if (flag === "L" || flag === "K") {
    const long = Buffer.from(nameOf(random, words)).subarray(0, 2 ** 20);
    return entry(flag, "././@LongLink", long, { ...options, pax: {}, magic: "gnu" });
  }
  const name = nameOf(random, words);
  const fits = Buffer.byteLength(name) <= 100;
  const content = "0\x007SA".includes(flag) ? random.bytes(random.pick([0, 1, 511, 512, 513, 3000])) : "";
  const long = fits ? {} : random.once(2) ? { gnuLong: true } : { pax: { ...options.pax, path: name } };
  return entry(flag, fits || "gnuLong" in long ? name : short(name), content, { ...options, ...long });
}

function short(name: string): Buffer {
  return Buffer.from(name).subarray(0, 100);
}

/** Names that lead somewhere, hide something, or are too much. Few, so that entries meet each other. */
function nameOf(random: Random, { outside }: TarWords): string {
  const plain = () => random.pick(["a", "b", "d", "d/", "d/e", "d/e/f", "s", "s/x", "etc", "etc/passwd", "."]);
  switch (random.below(14)) {
    case 0:
      return `${"../".repeat(1 + random.below(9))}${random.pick([plain(), outside.slice(1)])}`;
    case 1:
      return random.pick([`${outside}/victim`, outside, "/", "//", "", "/..", "./.", "/proc/self/cwd/victim", "/etc"]);
    case 2:
      return random.pick([
        ".wh.a",
        ".wh.d",
        "d/.wh.e",
        "d/.wh..wh..opq",
        ".wh..wh.plnk/a",
        ".wh.",
        ".wh...",
        ".wh..wh..opq",
        "d/.wh..wh.x/y",
      ]);
    case 3:
      return `${plain()}${random.pick(ESCAPES)}`;
    case 4:
      return `${"x".repeat(random.pick([99, 100, 101, 155, 254, 255, 256, 300]))}${random.once(2) ? "/y" : ""}`;
    case 5:
      return "p/".repeat(random.pick([10, 100, 1000, 2040, 2050]));
    case 6:
      return `./${plain()}`;
    case 7:
      return `d/../${plain()}/./`;
    default:
      return plain();
  }
}

const NUMBERS = ["0", "1", "-1", "+5", " 7", "1e3", "0x10", "1.5", "-1.5", "1.", ".5", "", "٣", "NaN", "1".repeat(400)];

function number(random: Random): string {
  return random.once(2) ? String(random.pick(EDGES)) : random.pick(NUMBERS);
}

function paxOf(random: Random, words: TarWords): Record<string, Bytes> {
  const records: Record<string, Bytes> = {};
  for (let i = random.below(3); i >= 0; i--) {
    const key = random.pick([
      "path",
      "linkpath",
      "size",
      "uid",
      "gid",
      "mtime",
      "atime",
      "ctime",
      "uname",
      "hdrcharset",
      "comment",
    ]);
    records[key] = /path|name/.test(key) ? nameOf(random, words) : number(random);
  }
  return random.once(3) ? { ...records, ...sparseOf(random) } : records;
}

/** Sparse maps: formats 0.0 (as 0.1 here; a record cannot be repeated), 0.1 and 1.0, whose map is in the payload. */
function sparseOf(random: Random): Record<string, Bytes> {
  const pairs = random.some(4, () => `${number(random)},${number(random)}`).join(",");
  return {
    "GNU.sparse.major": random.pick(["0", "1", "2", ""]),
    "GNU.sparse.minor": random.pick(["0", "1", ""]),
    "GNU.sparse.name": random.pick(["sparse", "../sparse", ""]),
    "GNU.sparse.realsize": number(random),
    "GNU.sparse.size": number(random),
    "GNU.sparse.numblocks": random.pick([number(random), String(pairs === "" ? 0 : pairs.split(",").length / 2)]),
    "GNU.sparse.map": pairs,
  };
}

function xattrsOf(random: Random): Record<string, Bytes> {
  const name = random.pick([
    ...["user.a", "trusted.overlay.opaque", "trusted.overlay.redirect", "user.overlay.opaque", "security.capability"],
    ...[
      "system.posix_acl_access",
      "security.selinux",
      "nonsense",
      "",
      "user.",
      `user.${"n".repeat(300)}`,
      "user.\x1b[2J",
    ],
  ]);
  return { [name]: random.pick([Buffer.from("y"), Buffer.alloc(0), random.bytes(20), Buffer.alloc(70_000, 1)]) };
}

/** Records whose own lengths lie. */
function paxBody(random: Random, words: TarWords): Buffer {
  const sound = paxRecords(paxOf(random, words));
  if (random.once(2)) return sound;
  const lengths = ["0", "1", "3", "5", "99999999999999999999", "-4", "007", " 9", "9007199254740993", ""];
  const lie = Buffer.from(`${random.pick(lengths)} ${random.pick(["path=a\n", "=\n", "path=a", "\n", "a\0b=c\n"])}`);
  return random.once(2) ? Buffer.concat([sound, lie]) : lie;
}

/** A byte of some header changed, and its checksum made right again: what a checksum does not keep out. */
function damagedHeader(bytes: Buffer, random: Random): Buffer {
  if (bytes.length < 512) return bytes;
  const at = 512 * random.below(Math.floor(bytes.length / 512));
  const block = bytes.subarray(at, at + 512);
  for (let i = random.below(3); i >= 0; i--)
    block[random.below(512)] = random.pick([0, 32, 47, 48, 55, 56, 128, 255, random.below(256)]);
  if (!random.once(5)) checksummed(block);
  return bytes;
}

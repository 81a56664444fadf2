/** JSON documents changed as a value, as text, or as bytes. */
import { damaged } from "./bytes.js";
import { EDGES, type Random } from "./random.js";

const KEYS = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "length",
  "",
  "\0",
  "\u{1f4a3}",
  "size",
];
const TEXTS = [
  ...[
    "",
    " ",
    "null",
    "../../etc/passwd",
    "/etc/passwd",
    "\x1b[2J\x1b]0;x\x07",
    "a\nb",
    "\ud800",
    "\udc00x",
    "\u202e",
    "\0",
  ],
  ...[
    "sha256:",
    `sha256:${"0".repeat(64)}`,
    `sha256:${"A".repeat(64)}`,
    `sha512:${"f".repeat(128)}`,
    `md5:${"0".repeat(32)}`,
  ],
  ...[
    "linux",
    "windows",
    "amd64",
    "app:1",
    "UPPER:1",
    "a/b/c@sha256:0",
    "registry:5000/x",
    "-",
    "9999-12-31T23:59:59Z",
  ],
  ...["0000-00-00T00:00:00Z", "2020-02-30T00:00:00.999999999999+99:99", "1".repeat(5000), "é".repeat(3000)],
];

/** Changes multiply; what is too large for its limit is found out with less. */
const MAX_DOCUMENT = 9 << 20;

type Json = unknown;

/** The bytes of a document that differs in one to three places. */
export function damagedJson(document: Json, random: Random): Buffer {
  let value = structuredClone(document);
  for (let times = 1 + random.below(3); times > 0; times--) value = changedSomewhere(value, random);
  const text = textOf(value, random);
  const bytes = Buffer.from(text).subarray(0, MAX_DOCUMENT);
  return random.once(5) ? damaged(bytes, random) : bytes;
}

/** Walks down at random and changes what it comes to. */
function changedSomewhere(value: Json, random: Random): Json {
  if (typeof value !== "object" || value === null || random.once(6)) return changed(value, random);
  if (Array.isArray(value)) {
    if (value.length === 0) return random.once(2) ? [other(random)] : changed(value, random);
    const at = random.below(value.length);
    switch (random.below(6)) {
      case 0:
        return value.filter((_, i) => i !== at);
      case 1:
        return [...value, value[at]];
      case 2:
        return repeated(value[at], random.once(10) ? 5000 : 100);
      default:
        return value.map((item, i) => (i === at ? changedSomewhere(item, random) : item));
    }
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || random.once(8))
    return Object.fromEntries([...entries, [random.pick(KEYS), other(random)]]);
  const at = random.below(entries.length);
  switch (random.below(8)) {
    case 0:
      return Object.fromEntries(entries.filter((_, i) => i !== at));
    case 1:
      return Object.fromEntries(entries.map(([key, item], i) => [i === at ? random.pick(KEYS) : key, item]));
    case 2:
      return Object.fromEntries(entries.map(([key, item], i) => [i === at ? key.toUpperCase() : key, item]));
    default:
      return Object.fromEntries(
        entries.map(([key, item], i) => [key, i === at ? changedSomewhere(item, random) : item]),
      );
  }
}

/** So often, or as often as fits. */
function repeated(item: Json, times: number): Json[] {
  const room = Math.floor(MAX_DOCUMENT / ((JSON.stringify(item) ?? "").length + 1));
  return Array.from({ length: Math.min(times, room) }, () => item);
}

function changed(value: Json, random: Random): Json {
  if (typeof value === "string" && random.once(2)) {
    const at = random.below(value.length + 1);
    return value.slice(0, at) + random.pick(TEXTS) + value.slice(at + random.below(4));
  }
  return other(random);
}

function other(random: Random): Json {
  switch (random.below(9)) {
    case 0:
      return null;
    case 1:
      return random.once(2);
    case 2:
      return [];
    case 3:
      return {};
    case 4:
      return new Raw(
        random.pick(["1e400", "-0", "1e-400", "0.1", "1E5", "18446744073709551616", `${"9".repeat(400)}`]),
      );
    case 5:
      return new Raw(String(random.pick(EDGES)));
    case 6:
      return new Raw(nested(random.pick([10, 1000, 9_990, 10_001, 100_000]), random));
    default:
      return random.pick(TEXTS);
  }
}

/** A value that JSON.stringify cannot write, as its text. */
class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

function nested(depth: number, random: Random): string {
  return random.once(2) ? `${"[".repeat(depth)}${"]".repeat(depth)}` : `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
}

/** Also with keys twice, with space where it may be, with escapes that need not be, with a byte-order mark. */
function textOf(value: Json, random: Random): string {
  const space = random.once(4) ? " \n" : "";
  const write = (item: Json): string => {
    if (item instanceof Raw) return item.text;
    if (Array.isArray(item)) return `[${item.map(write).join(`,${space}`)}]`;
    if (typeof item !== "object" || item === null)
      return random.once(50) ? escaped(item) : (JSON.stringify(item) ?? "null");
    const members = Object.entries(item).map(([key, member]) => `${JSON.stringify(key)}:${space}${write(member)}`);
    if (members.length > 0 && random.once(30)) members.push(random.pick(members).replace(/:.*$/s, ":null"));
    return `{${members.join(`,${space}`)}}`;
  };
  const text = write(value);
  return random.once(40)
    ? `\ufeff${text}`
    : random.once(20)
      ? `${text}${random.pick(["\n", " x", "{}", "\0", text])}`
      : text;
}

function escaped(item: Json): string {
  const text = JSON.stringify(item) ?? "null";
  if (typeof item !== "string") return text;
  return `"${[...item].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")}"`;
}

/**
 * Layers of random entries. Names come from few components, so that entries meet: replace, link, whiten out and climb
 * over each other.
 */
import fc from "fast-check";
import { byteString } from "../../src/model/bytes.js";
import { cleanPath } from "../../src/tar/clean.js";
import { type EntryOptions, entry, layer } from "../support/tar-builder.js";

export interface RandomEntry {
  readonly flag: string;
  readonly name: string;
  readonly content: string;
  readonly options: EntryOptions;
}

const component = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("a", "b", "c") },
  { weight: 2, arbitrary: fc.constantFrom(".wh.a", ".wh.b", ".wh..wh..opq") },
  { weight: 1, arbitrary: fc.constantFrom("..", ".", "", ".wh.", ".wh..", ".wh..wh.plnk", ".wh..wh.a") },
);
const path = fc
  .tuple(
    fc.constantFrom("", "", "", "", "./", "/", "../", "a/../"),
    fc.array(component, { minLength: 1, maxLength: 3 }),
    fc.constantFrom("", "", "", "/"),
  )
  .map(([start, components, end]) => `${start}${components.join("/")}${end}`);

const time = fc.constantFrom(
  "0",
  "7",
  "1000000000.123456789",
  "-1.5",
  "9223372036.854775807",
  "9223372036.9",
  "4294967296",
);
const id = fc.constantFrom(0, 0, 5, 65534, 2n ** 32n - 1n, 2n ** 32n + 7n);
const xattrs = fc.constantFrom<Record<string, string>>(
  {},
  {},
  {},
  { "user.k": "v" },
  { "trusted.k": "v" },
  { nodot: "v" },
  { "trusted.overlay.opaque": "y" },
);
/** Directories and files more often, links half as often, the rest now and then. */
const FLAGS = "5555000000112233467g";

const randomEntry: fc.Arbitrary<RandomEntry> = fc
  .record({
    flag: fc.constantFrom(...FLAGS),
    name: path,
    link: path,
    content: fc.constantFrom("", "x", "12345"),
    mode: fc.constantFrom(0o644, 0o755, 0o4755, 0o2775, 0o1777, 0, 0o777),
    uid: id,
    gid: id,
    mtime: time,
    atime: fc.option(time),
    device: fc.constantFrom<[number, number]>([0, 0], [1, 3], [300, 70000]),
    xattrs,
  })
  .map(({ flag, name, link, content, mode, uid, gid, mtime, atime, device, xattrs }) => ({
    flag,
    name,
    content: flag === "0" ? content : "",
    options: {
      mode,
      uid,
      gid,
      xattrs,
      pax: { mtime, ...(atime === null ? {} : { atime }) },
      ...(flag === "1" || flag === "2" ? { link } : {}),
      ...(flag === "3" || flag === "4" ? { device } : {}),
    },
  }));

/** No two of one cleaned name: those are refused before anything is extracted, which other tests show. */
export const randomLayer = fc.uniqueArray(randomEntry, {
  minLength: 1,
  maxLength: 12,
  selector: ({ name }) => cleanPath(byteString(Buffer.from(name))),
});

export function tarOf(entries: readonly RandomEntry[]): Buffer {
  return layer(...entries.map(({ flag, name, content, options }) => entry(flag, name, content, options)));
}

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TarEntry } from "../../src/tar/entry.js";
import { TarReader } from "../../src/tar/reader.js";
import { readAll, sourceOf } from "../support/sources.js";
import * as b from "../support/tar-builder.js";

/** The first entry and its content; the archive is read to its end, through odd chunks. */
function first(...pieces: Uint8Array[]): { entry: TarEntry; content: Buffer } {
  const tar = new TarReader(sourceOf(b.layer(...pieces), 77, 1024));
  const entry = tar.next();
  assert.ok(entry !== null);
  const content = readAll(tar.payload());
  assert.equal(tar.next()?.name, "next");
  assert.equal(tar.next(), null);
  return { entry, content };
}

const next = b.file("next");
/** "abc" at 2 and "def" at 1000 in a file of 2000 bytes. */
const DATA = "abcdef";
const EXPANDED = Buffer.concat([Buffer.from("\0\0abc"), Buffer.alloc(995), Buffer.from("def"), Buffer.alloc(997)]);

const V01 = { "GNU.sparse.size": "2000", "GNU.sparse.numblocks": "2", "GNU.sparse.map": "2,3,1000,3" };
const V10 = {
  "GNU.sparse.major": "1",
  "GNU.sparse.minor": "0",
  "GNU.sparse.name": "real",
  "GNU.sparse.realsize": "2000",
};
const map10 = (...numbers: number[]) => {
  const text = numbers.map((number) => `${number}\n`).join("");
  return text.padEnd(Math.ceil(text.length / 512) * 512, "\0");
};

/** Old GNU header: map of four in the header, real size behind it. */
function gnu(content: string, map: readonly number[], size: number, extended = false): Buffer {
  return b.entry("S", "sparse", content, {
    magic: "gnu",
    patch(header) {
      map.forEach((number, i) => {
        header.write(`${number.toString(8).padStart(11, "0")}\0`, 386 + 12 * i, "latin1");
      });
      if (extended) header[482] = 1;
      header.write(`${size.toString(8).padStart(11, "0")}\0`, 483, "latin1");
    },
  });
}

describe("sparse files", () => {
  const expected = { size: 2000, sparse: true };
  const shape = ({ size, sparse }: TarEntry) => ({ size, sparse });

  it("of PAX 0.0 are expanded", () => {
    const records = [
      ["GNU.sparse.size", "2000"],
      ["GNU.sparse.numblocks", "2"],
      ["GNU.sparse.offset", "2"],
      ["GNU.sparse.numbytes", "3"],
      ["GNU.sparse.offset", "1000"],
      ["GNU.sparse.numbytes", "3"],
    ] as const;
    const body = Buffer.concat(records.map(([key, value]) => b.paxRecords({ [key]: value })));
    const { entry, content } = first(b.entry("x", "h", body), b.file("a", DATA), next);
    assert.deepEqual([shape(entry), content], [expected, EXPANDED]);
  });

  it("of PAX 0.1 are expanded", () => {
    const { entry, content } = first(b.file("a", DATA, { pax: V01 }), next);
    assert.deepEqual([shape(entry), content], [expected, EXPANDED]);
  });

  it("of PAX 1.0 are expanded and have their real name", () => {
    const { entry, content } = first(b.file("a", map10(2, 2, 3, 1000, 3) + DATA, { pax: V10 }), next);
    assert.deepEqual([shape(entry), content], [expected, EXPANDED]);
    assert.equal(entry.name, "real");
  });

  it("of type S are expanded, also with a map that needs more blocks", () => {
    const short = first(gnu(DATA, [2, 3, 1000, 3], 2000), next);
    assert.deepEqual([short.entry.typeFlag, shape(short.entry), short.content], [0x53, expected, EXPANDED]);
    const extension = Buffer.alloc(512);
    extension.write("00000001750\x0000000000003\0", 0, "latin1");
    const header = gnu(DATA, [2, 3], 2000, true);
    const long = first(header.subarray(0, 512), extension, header.subarray(512), next);
    assert.deepEqual([shape(long.entry), long.content], [expected, EXPANDED]);
  });

  it("of type S need GNU's magic", () => {
    assert.throws(() => first(b.entry("S", "a", ""), next), /without GNU magic/);
  });

  it("may be one hole, and may be empty", () => {
    assert.deepEqual(first(gnu("", [], 70_000), next).content, Buffer.alloc(70_000));
    assert.equal(first(gnu("", [], 0), next).content.length, 0);
    assert.deepEqual(first(b.file("a", map10(0), { pax: V10 }), next).content, Buffer.alloc(2000));
  });

  it("have exactly the data that their map promises", () => {
    assert.throws(() => first(b.file("a", "abc", { pax: V01 }), next), /less data/);
    assert.throws(() => first(b.file("a", "abcdefg", { pax: V01 }), next), /more data/);
    assert.throws(() =>
      first(
        b.file("a", "x", {
          pax: {
            ...V01,
            "GNU.sparse.major": "0",
            "GNU.sparse.minor": "1",
            "GNU.sparse.numblocks": "0",
            "GNU.sparse.map": "",
          },
        }),
        next,
      ),
    );
  });

  it("can be passed over without expanding them", () => {
    const tar = new TarReader(sourceOf(b.layer(gnu("x", [0, 1], 8_000_000_000), next)));
    assert.deepEqual([tar.next()?.size, tar.next()?.name], [8_000_000_000, "next"]);
  });

  for (const [what, records] of Object.entries({
    "that overlap": { "GNU.sparse.map": "2,3,4,3" },
    "out of order": { "GNU.sparse.map": "1000,3,2,3" },
    "beyond the end": { "GNU.sparse.map": "2,3,1998,3" },
    "with negative numbers": { "GNU.sparse.map": "-2,3,1000,3" },
    "of the wrong length": { "GNU.sparse.numblocks": "3" },
    "without a length": { "GNU.sparse.numblocks": "" },
    "of negative length": { "GNU.sparse.numblocks": "-1" },
    "with words": { "GNU.sparse.map": "2,3,x,3" },
    "of a file of negative size": { "GNU.sparse.size": "-1" },
  })) {
    it(`with a map ${what} are refused`, () => {
      assert.throws(() => first(b.file("a", DATA, { pax: { ...V01, ...records } }), next), /sparse map/);
    });
  }

  it("with a map that does not end are refused", () => {
    assert.throws(() => first(b.file("a", map10(3, 2, 3), { pax: V10 }), next), /cut short/);
    assert.throws(() => first(b.file("a", "1".repeat(4096), { pax: V10 }), next), /without end/);
    assert.throws(() => first(b.file("a", map10(-1), { pax: V10 }), next), /negative length/);
    assert.throws(() => first(b.file("a", map10(10 ** 15), { pax: V10 }), next), /cut short|no number/);
  });

  it("are refused with a NUL in their name, which only a plain file may ignore", () => {
    const pax = { ...V01, "GNU.sparse.name": "a\0b" };
    assert.throws(() => first(b.file("a", DATA, { pax }), next), { code: "BAD_TAR", message: /NUL/ });
    assert.equal(first(b.file("a", DATA, { pax: { ...pax, "GNU.sparse.major": "2" } }), next).entry.name, "a");
  });

  it("are only files: other types with such records are refused", () => {
    assert.throws(() => first(b.dir("d/", { pax: V01 }), next), /impossible sparse map/);
  });

  it("count as sparse only if something of the archive is not in their content", () => {
    const full = { "GNU.sparse.size": "6", "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,6" };
    assert.equal(first(b.file("a", DATA, { pax: full }), next).entry.sparse, false);
    assert.equal(first(gnu("", [], 0), next).entry.sparse, false);
    // A map of 512 bytes and a hole of 512 bytes: the sizes agree, the bytes do not.
    const pax = { ...V10, "GNU.sparse.realsize": "518" };
    assert.equal(first(b.file("a", map10(1, 512, 6) + DATA, { pax }), next).entry.sparse, true);
  });

  it("of versions that nobody knows are plain files", () => {
    const { entry, content } = first(b.file("a", DATA, { pax: { ...V01, "GNU.sparse.major": "2" } }), next);
    assert.deepEqual([entry.sparse, content.toString()], [false, DATA]);
  });
});

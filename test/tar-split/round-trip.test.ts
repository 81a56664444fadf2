import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { decodeSplit } from "../../src/tar-split/decode.js";
import { repoPath } from "../support/repo.js";
import { sourceOf } from "../support/sources.js";
import * as b from "../support/tar-builder.js";
import { putTogether, takeApart } from "./support.js";

/** Apart, through the stored form, and together again. */
function roundTrip(bytes: Uint8Array, ...sizes: number[]): Buffer {
  const { gzip, files } = takeApart(bytes, ...sizes);
  return putTogether(decodeSplit(sourceOf(gzip, 4096), "tar-split.json.gz"), files);
}

const name = fc
  .array(fc.oneof(fc.stringMatching(/^[a-z<>&"\\\n]{1,40}$/), fc.stringMatching(/^[\x01-\x2e\x30-\xff]{1,20}$/)), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => b.latin1(parts.join("/")));

const options = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: -5, max: 2 ** 31 }),
  mtime: fc.integer({ min: -(2 ** 34), max: 2 ** 34 }),
  magic: fc.constantFrom("ustar", "gnu", "v7"),
  base256: fc.boolean(),
  gnuLong: fc.constant(true),
  xattrs: fc.dictionary(fc.stringMatching(/^user\.[a-z]{1,5}$/), fc.uint8Array({ maxLength: 600 }), { maxKeys: 2 }),
});

const piece = fc.oneof(
  fc
    .tuple(name, fc.uint8Array({ maxLength: 2000 }), options, fc.nat(255))
    .map(([path, content, rest, fill]) =>
      b.file(path, content, { ...rest, padding: Buffer.alloc(-content.length & 511, fill) }),
    ),
  fc.tuple(name, options).map(([path, rest]) => b.dir(path, rest)),
  fc.tuple(name, name, options).map(([path, link, rest]) => b.symlink(path, link, rest)),
  fc.tuple(name, options).map(([path, rest]) => b.char(path, 0, 0, rest)),
  fc
    .tuple(name, fc.uint8Array({ maxLength: 600 }))
    .map(([path, content]) => b.entry("7", path, content, { gnuLong: true })),
  fc.constant(b.paxHeader({ comment: "before nothing" })),
);

const tail = fc.oneof(
  fc.constant(b.END),
  fc.constant(Buffer.alloc(0)),
  fc.constant(Buffer.alloc(512)),
  fc.uint8Array({ maxLength: 3000 }).map((garbage) => Buffer.concat([b.END, garbage])),
);

describe("a tar taken apart and put together", () => {
  it("is the same, byte for byte, whatever is in it and however it comes", () => {
    const archives = fc.tuple(fc.array(piece, { maxLength: 8 }), tail).map(([pieces, end]) => b.tar(...pieces, end));
    const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 4 });
    let refused = 0;
    fc.assert(
      fc.property(archives, sizes, (bytes, cut) => {
        try {
          assert.deepEqual(roundTrip(bytes, ...cut), bytes);
        } catch (error) {
          // Two names of one archive may clean to the same path.
          if ((error as { code?: string }).code !== "DUPLICATE_PATH") throw error;
          refused++;
        }
      }),
      { numRuns: 300 },
    );
    assert.ok(refused < 150);
  });

  it("is the same with 3 MiB of zeros behind it", () => {
    const bytes = b.layer(b.file("a", "x"), Buffer.alloc(3 << 20));
    assert.deepEqual(roundTrip(bytes, 30720, 1 << 20), bytes);
  });

  it("loses what docker's loses: the bytes of a cut padding", () => {
    const bytes = b.file("a", "x", { padding: Buffer.alloc(100) });
    assert.deepEqual(roundTrip(bytes), bytes.subarray(0, 513));
  });

  const corpus = repoPath("..", "shared", "data", "tar-corpus");
  const skip = existsSync(corpus) ? false : `no corpus of tars at ${corpus}`;
  for (const file of ["extranils", "fatlonglink", "iso-8859", "longlink", "notenoughnils", "t"]) {
    it(`is the same for ${file} of tar-split's own tests`, { skip }, () => {
      const bytes = gunzipSync(readFileSync(`${corpus}/tar-split/${file}.tar.gz`));
      assert.deepEqual(roundTrip(bytes, 1000), bytes);
    });
  }
});

import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { FsckFiles } from "../../src/audit/fsck-files.js";
import type { Listing } from "../../src/audit/listing.js";
import { scratch } from "../support/tmp.js";

function shown(listing: Listing | string | null): unknown {
  if (listing === null || typeof listing === "string") return listing;
  return [...listing.values()].map(({ name, kind, path, size }) => [name, kind, path, size]);
}

describe("a listing", () => {
  it("has the names in their order, with kinds, paths and sizes, the same for directories that hold the same", () => {
    using dir = scratch("listing");
    for (const each of ["one", "two"]) {
      mkdirSync(dir.join(each, "diff"), { recursive: true });
      writeFileSync(dir.join(each, "link"), each.repeat(2));
      symlinkSync("elsewhere", dir.join(each, "a"));
    }
    const files = new FsckFiles();
    for (const each of ["one", "two"]) {
      const listing = files.list(dir.join(each)) as Listing;
      const [link, diff] = [listing.get("link"), listing.get("diff")];
      assert.deepEqual([...listing.keys(), listing.size], ["a", "diff", "link", 3]);
      assert.deepEqual([link?.path, link?.kind, link?.size], [dir.join(each, "link"), "file", 6]);
      assert.deepEqual([diff?.kind, listing.get("a")?.kind, listing.get("b")], ["directory", "symlink", undefined]);
      assert.deepEqual([listing.has("diff"), listing.has("b")], [true, false]);
    }
  });

  it("tells a file from a directory of the same name, and shows names that are no text without a path", () => {
    using dir = scratch("listing");
    mkdirSync(dir.join("one", "x"), { recursive: true });
    mkdirSync(dir.join("two"));
    writeFileSync(dir.join("two", "x"), "");
    mkdirSync(dir.join("odd"));
    writeFileSync(Buffer.concat([Buffer.from(dir.join("odd/caf")), Buffer.from([0xe9])]), "");
    const files = new FsckFiles();
    const kinds = ["one", "two"].map((each) => (files.list(dir.join(each)) as Listing).get("x")?.kind);
    assert.deepEqual(kinds, ["directory", "file"]);
    assert.deepEqual(shown(files.list(dir.join("odd"))), [["caf\\xe9", "file", null, 0]]);
  });

  it("brings what small files say, and where symlinks lead, without following them", () => {
    using dir = scratch("listing");
    mkdirSync(dir.join("layer", "size"), { recursive: true });
    writeFileSync(dir.join("layer", "diff"), "caf\u00e9");
    symlinkSync("/etc/hostname", dir.join("layer", "cache-id"));
    const files = new FsckFiles();
    const found = files.listWithTexts(dir.join("layer"), ["cache-id", "diff", "parent", "size"]);
    assert.ok(found !== null && typeof found !== "string");
    assert.deepEqual(found.texts, [
      { kind: "bad", reason: "is a symbolic link" },
      { kind: "text", text: "caf\xc3\xa9" },
      { kind: "absent" },
      { kind: "bad", reason: "is not a regular file" },
    ]);
    assert.deepEqual([files.files, files.bytes], [1, 5]);
    const targets = files.targets(dir.join("layer")) as ReadonlyMap<string, string | null>;
    assert.deepEqual(
      [...targets],
      [
        ["cache-id", "/etc/hostname"],
        ["diff", null],
        ["size", null],
      ],
    );
    assert.deepEqual(
      [files.list(dir.join("none")), files.list(dir.join("layer", "diff"))],
      [null, "is not a directory"],
    );
  });
});

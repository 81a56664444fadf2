/**
 * Archives of other people's test suites, read as Go's archive/tar reads them: what is expected here is what
 * its reader_test.go expects.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { OvlError } from "../../src/errors.js";
import { utf8Of } from "../../src/model/bytes.js";
import type { TarEntry } from "../../src/tar/entry.js";
import { TarReader } from "../../src/tar/reader.js";
import { repoPath } from "../support/repo.js";
import { readAll, sourceOf } from "../support/sources.js";

const CORPUS = repoPath("..", "shared", "data", "tar-corpus");
const skip = existsSync(CORPUS) ? false : `no corpus of tars at ${CORPUS}`;

/** Name, type flag, size, mode, owner, group, mtime; then link, atime, MD5 of the content where they matter. */
type Expected = readonly [string, string, number, number, number, number, string, Extra?];
interface Extra {
  readonly link?: string;
  readonly atime?: string;
  readonly md5?: string;
  readonly xattrs?: Readonly<Record<string, string>>;
  readonly device?: string;
}

const LONG = Array.from({ length: 100 }, (_, i) => i + 1).join("");
const PAX_LONG = `a/${LONG.slice(0, 192)}`;
const SPARSE = "6f53234398c2449fe67c1812d993012f";
const SELINUX = "unconfined_u:object_r:default_t:s0\0";

const READABLE: Readonly<Record<string, readonly Expected[]>> = {
  "gnu.tar": [
    ["small.txt", "0", 5, 0o640, 73025, 5000, "1244428340", { md5: "e38b27eaccb4391bdec553a7f3ae6b2f" }],
    ["small2.txt", "0", 11, 0o640, 73025, 5000, "1244436044", { md5: "c65bd2e50a56a2138bf1716f2fd56fe9" }],
  ],
  "sparse-formats.tar": [
    ["sparse-gnu", "S", 200, 0o644, 1000, 1000, "1392395740", { md5: SPARSE }],
    ["sparse-posix-0.0", "0", 200, 0o644, 1000, 1000, "1392342187", { md5: SPARSE }],
    ["sparse-posix-0.1", "0", 200, 0o644, 1000, 1000, "1392340456", { md5: SPARSE }],
    ["sparse-posix-1.0", "0", 200, 0o644, 1000, 1000, "1392337404", { md5: SPARSE }],
    ["end", "0", 4, 0o644, 1000, 1000, "1392398319", { md5: "b0061974914468de549a2af8ced10316" }],
  ],
  "star.tar": [
    ["small.txt", "0", 5, 0o640, 73025, 5000, "1244592783", { atime: "1244592783" }],
    ["small2.txt", "0", 11, 0o640, 73025, 5000, "1244592783", { atime: "1244592783" }],
  ],
  "v7.tar": [
    ["small.txt", "\0", 5, 0o444, 73025, 5000, "1244593104"],
    ["small2.txt", "\0", 11, 0o444, 73025, 5000, "1244593104"],
  ],
  "pax.tar": [
    [PAX_LONG, "0", 7, 0o664, 1000, 1000, "1350244992.023960108", { atime: "1350244992.023960108" }],
    [
      "a/b",
      "2",
      0,
      0o777,
      1000,
      1000,
      "1350266320.910238425",
      { link: LONG.slice(0, 192), atime: "1350266320.910238425" },
    ],
  ],
  "pax-pos-size-file.tar": [
    ["foo", "0", 999, 0o640, 319973, 5000, "1442282516", { md5: "0afb597b283fe61b5d4879669a350556" }],
  ],
  "pax-records.tar": [["file", "0", 0, 0, 0, 0, "0"]],
  "pax-global-records.tar": [
    ["global1", "g", 0, 0, 0, 0, "0"],
    ["file1", "0", 0, 0, 0, 0, "0"],
    ["file2", "0", 0, 0, 0, 0, "0"],
    ["GlobalHead.0.0", "g", 0, 0, 0, 0, "0"],
    ["file3", "0", 0, 0, 0, 0, "0"],
    ["file4", "0", 0, 0, 0, 0, "1400000000"],
  ],
  "nil-uid.tar": [["P1050238.JPG.log", "0", 14, 0o664, 0, 0, "1365454838"]],
  "xattrs.tar": [
    [
      "small.txt",
      "0",
      5,
      0o644,
      1000,
      10,
      "1386065770.44825232",
      {
        atime: "1389782991.41987522",
        xattrs: { "user.key": "value", "user.key2": "value2", "security.selinux": SELINUX },
      },
    ],
    [
      "small2.txt",
      "0",
      11,
      0o644,
      1000,
      10,
      "1386065770.449252304",
      { atime: "1389782991.41987522", xattrs: { "security.selinux": SELINUX } },
    ],
  ],
  "gnu-multi-hdrs.tar": [["GNU2/GNU2/long-path-name", "2", 0, 0, 0, 0, "0", { link: "GNU4/GNU4/long-linkpath-name" }]],
  "gnu-incremental.tar": [
    ["test2/", "D", 14, 0o40755, 1000, 1000, "1441973427", { atime: "1441974501" }],
    ["test2/foo", "0", 64, 0o100644, 1000, 1000, "1441973363", { atime: "1441974501" }],
    ["test2/sparse", "S", 536870912, 0o100644, 1000, 1000, "1441973427", { atime: "1441991948" }],
  ],
  "pax-multi-hdrs.tar": [["bar", "2", 0, 0, 0, 0, "0", { link: "PAX4/PAX4/long-linkpath-name" }]],
  "gnu-long-nul.tar": [["0123456789", "0", 0, 0o644, 1000, 1000, "1486082191"]],
  "gnu-utf8.tar": [["☺☻☹".repeat(18), "0", 0, 0o644, 1000, 1000, "0"]],
  "gnu-not-utf8.tar": [["hi\x80\x81\x82\x83bye", "0", 0, 0o644, 1000, 1000, "0"]],
  "invalid-go17.tar": [[`${"a".repeat(97)}/foo`, "\0", 0, 0, 0o10000000, 0, "0"]],
  "ustar-file-devs.tar": [["file", "0", 0, 0o644, 0, 0, "0", { device: "1:1" }]],
  "gnu-nil-sparse-data.tar": [["sparse.db", "S", 1000, 0, 0, 0, "0"]],
  "gnu-nil-sparse-hole.tar": [["sparse.db", "S", 1000, 0, 0, 0, "0"]],
  "pax-nil-sparse-data.tar": [["sparse.db", "0", 1000, 0, 0, 0, "0"]],
  "pax-nil-sparse-hole.tar": [["sparse.db", "0", 1000, 0, 0, 0, "0"]],
  "trailing-slash.tar": [["123456789/".repeat(30), "5", 0, 0, 0, 0, "0"]],
};

const REFUSED = [
  "pax-bad-hdr-file.tar",
  "pax-bad-mtime-file.tar",
  "pax-nul-xattrs.tar",
  "pax-nul-path.tar",
  "neg-size.tar",
  "issue10968.tar",
  "issue11169.tar",
  "issue12435.tar",
];

/** What Go wrote in its writer's tests: to be read without an error. */
const WELL_FORMED =
  /^(?:file-and-dir|hardlink|hdr-only|ustar|ustar-file-reg|writer|writer-big|writer-big-long|gnu-sparse-big|pax-sparse-big)\.tar$/;

describe("the corpus of Go's archive/tar", { skip }, () => {
  const go = (name: string) => readFileSync(`${CORPUS}/go/${name}`);

  for (const [name, expected] of Object.entries(READABLE)) {
    it(`reads ${name} as Go does, however it is cut`, () => {
      const bytes = go(name);
      for (const sizes of [[bytes.length], [1], [511, 513], [4096]]) {
        const tar = new TarReader(sourceOf(bytes, ...sizes));
        expected.forEach((line) => {
          compare(tar.next(), line, tar);
        });
        assert.equal(tar.next(), null);
      }
    });
  }

  for (const name of REFUSED) {
    it(`refuses ${name} as Go does`, () => {
      const tar = new TarReader(sourceOf(go(name)));
      assert.throws(
        () => {
          while (tar.next() !== null);
        },
        (error) => error instanceof OvlError && error.code === "BAD_TAR",
      );
    });
  }

  it("sees nothing in an archive that is one PAX header", () => {
    assert.equal(new TarReader(sourceOf(go("pax-path-hdr.tar"))).next(), null);
  });

  it("reads what Go's writer wrote", () => {
    // Some of these are cut off where the content would be: Go compares what is there.
    for (const name of skip ? [] : readdirSync(`${CORPUS}/go`).filter((file) => WELL_FORMED.test(file))) {
      const tar = new TarReader(sourceOf(go(name)));
      assert.notEqual(tar.next(), null, name);
    }
  });
});

describe("the corpus of tar-split", { skip }, () => {
  for (const [name, names] of Object.entries({
    "extranils.tar.gz": ["file"],
    "notenoughnils.tar.gz": ["file"],
    "iso-8859.tar.gz": ["data/", "data/file-with-german-umlaut-ae-\xe4"],
    "t.tar.gz": ["./hurr.txt", "./ermahgerd.txt"],
  })) {
    it(`reads ${name} to its end`, () => {
      const tar = new TarReader(sourceOf(gunzipSync(readFileSync(`${CORPUS}/tar-split/${name}`)), 1000));
      const found: string[] = [];
      for (let entry = tar.next(); entry !== null; entry = tar.next()) found.push(utf8Of(entry.name) ?? entry.name);
      assert.deepEqual(found, names);
    });
  }
});

function compare(entry: TarEntry | null, line: Expected, tar: TarReader): void {
  assert.ok(entry !== null);
  const [name, flag, size, mode, uid, gid, mtime, extra = {}] = line;
  assert.equal(utf8Of(entry.name) ?? entry.name, name);
  assert.equal(entry.typeFlag, flag.charCodeAt(0));
  if (entry.type !== "global") {
    const found = [entry.size, entry.mode, entry.uid, entry.gid, timeOf(entry.mtime)];
    assert.deepEqual(found, [size, mode, uid, gid, mtime], name);
  }
  assert.equal(entry.linkName, extra.link ?? "");
  if (extra.atime !== undefined) assert.equal(timeOf(entry.atime), extra.atime);
  if (extra.device !== undefined) assert.equal(`${entry.devMajor}:${entry.devMinor}`, extra.device);
  const xattrs = Object.fromEntries([...entry.xattrs].map(([key, value]) => [key, Buffer.from(value).toString()]));
  assert.deepEqual(xattrs, extra.xattrs ?? {});
  if (extra.md5 !== undefined) {
    assert.equal(createHash("md5").update(readAll(tar.payload())).digest("hex"), extra.md5);
  }
}

function timeOf(time: { readonly sec: number; readonly nsec: number } | null): string {
  if (time === null) return "none";
  return time.nsec === 0 ? `${time.sec}` : `${time.sec}.${String(time.nsec).padStart(9, "0").replace(/0+$/, "")}`;
}

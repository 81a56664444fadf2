import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { OvlError } from "../../src/errors.js";
import type { ImageId } from "../../src/model/digest.js";
import { sha256 } from "../../src/model/digest.js";
import { familiarString, parseReference } from "../../src/model/reference.js";
import { Repositories } from "../../src/store/repositories.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { pullFile } from "../support/pull.js";
import { file, layer } from "../support/tar-builder.js";
import { scratch } from "../support/tmp.js";

const id = (text: string) => sha256(text) as string as ImageId;

test("names are stored in familiar form, sorted, in one line", () => {
  using work = scratch("names", 0);
  const path = work.join("repositories.json");
  const repositories = new Repositories(path);
  repositories.create();
  assert.equal(readFileSync(path, "utf8"), '{"Repositories":{}}');
  repositories.update((names) => {
    for (const name of [
      "docker.io/library/x:2",
      "x",
      "index.docker.io/foo/x:1",
      "localhost:5000/x:1",
      "quay.io/a/b/c:t",
    ]) {
      names.tag(name, id("a"));
    }
    names.tag(`x:1@${sha256("m")}`, id("b"));
  });
  const [a, b, m] = [id("a"), id("b"), sha256("m")];
  const expected = `{"Repositories":{"foo/x":{"foo/x:1":"${a}"},"localhost:5000/x":{"localhost:5000/x:1":"${a}"},"quay.io/a/b/c":{"quay.io/a/b/c:t":"${a}"},"x":{"x:2":"${a}","x:latest":"${a}","x@${m}":"${b}"}}}`;
  assert.equal(readFileSync(path, "utf8"), expected);
  assert.equal(lstatSync(path).mode & 0o777, 0o600);
  const reread = new Repositories(path);
  assert.deepEqual(reread.of(a).map(familiarString), [
    "foo/x:1",
    "x:2",
    "x:latest",
    "localhost:5000/x:1",
    "quay.io/a/b/c:t",
  ]);
  assert.equal(reread.get(parseReference("docker.io/x")), a);
  assert.equal(reread.get(parseReference(`x:nonsense@${m}`)), b, "a digest counts more than a tag");
  assert.equal(reread.get(parseReference("x:3")), null);
});

test("a change that throws changes nothing", () => {
  using work = scratch("names", 0);
  const repositories = new Repositories(work.join("repositories.json"));
  repositories.create();
  assert.throws(
    () =>
      repositories.update((names) => {
        names.tag("good", id("a"));
        names.tag("sha256:x", id("a"));
      }),
    { code: "USAGE" },
  );
  assert.equal(readFileSync(repositories.path, "utf8"), '{"Repositories":{}}');
  assert.deepEqual(repositories.list(), []);
});

test("what a reader does not understand a writer gives back", () => {
  using work = scratch("names", 0);
  const path = work.join("repositories.json");
  const strange = `{"Repositories":{"UPPER":{"UPPER:1":"${id("a")}"},"docker.io/library/bb":{"docker.io/library/bb:1":"${id("b")}"},"gone":{"gone:1":"${id("c")}"}}}`;
  writeFileSync(path, strange);
  const repositories = new Repositories(path);
  assert.deepEqual(
    repositories
      .list()
      .map(({ reference }) => familiarString(reference))
      .sort(),
    ["bb:1", "gone:1"],
  );
  repositories.update((names) => names.tag("x:1", id("x")));
  repositories.update((names) => names.remove(parseReference("x:1")));
  assert.equal(readFileSync(path, "utf8"), strange);
});

const DAMAGED = [
  "",
  "{",
  "null",
  "[]",
  '{"Repositories":[]}',
  '{"Repositories":{"x":1}}',
  '{"Repositories":{"x":{"x:1":1}}}',
  "\0\0\0\0",
];
for (const text of DAMAGED) {
  test(`of ${JSON.stringify(text)} a reader warns and a writer keeps its hands off`, () => {
    using work = scratch("names", 0);
    const path = work.join("repositories.json");
    writeFileSync(path, text);
    const repositories = new Repositories(path);
    assert.deepEqual(repositories.list(), []);
    assert.equal(repositories.warnings[0]?.code, "BAD_REPOSITORIES");
    assert.throws(() => repositories.update((names) => names.tag("x", id("a"))), { code: "BAD_ROOT" });
    assert.equal(readFileSync(path, "utf8"), text);
  });
}

test("{} and a null for Repositories are empty, as dockerd starts on them", () => {
  using work = scratch("names", 0);
  for (const text of ["{}", '{"Repositories":null}', '{"Repositories":{"x":null}}']) {
    const path = work.join("repositories.json");
    writeFileSync(path, text);
    const repositories = new Repositories(path);
    assert.deepEqual(repositories.warnings, []);
    repositories.update((names) => names.tag("a:1", id("a")));
    assert.equal(new Repositories(path).get(parseReference("a:1")), id("a"));
  }
});

test("keys in another case, and twice, are read as Go reads them, and a writer gives back all of them", () => {
  using work = scratch("names", 0);
  const path = work.join("repositories.json");
  const [a, b, c] = [id("a"), id("b"), id("c")];
  const text = `{"repositories":{"a":{"a:1":"${a}"},"b":{"b:0":"${a}"}},"other":1,"REPOSITORIE\\u017f":{"b":{"b:1":"${b}"}},"repositories":{"c":{"c:1":"${c}","c:2":null}}}`;
  writeFileSync(path, text);
  new Repositories(path).update((names) => names.tag("d:1", a));
  assert.equal(
    readFileSync(path, "utf8"),
    `{"Repositories":{"a":{"a:1":"${a}"},"b":{"b:1":"${b}"},"c":{"c:1":"${c}","c:2":""},"d":{"d:1":"${a}"}}}`,
  );
});

test("a directory or a symlink in the place of the file is no file", () => {
  using work = scratch("names", 0);
  mkdirSync(work.join("repositories.json"));
  const repositories = new Repositories(work.join("repositories.json"));
  assert.match(repositories.warnings[0]?.message ?? "", /not a regular file/);
  assert.ok(existsSync(dirname(repositories.path)));
});

test("of two images in an archive that claim a name, the later one is told to have it", async () => {
  using work = scratch("names", 0);
  const first = image({ layers: [layer(file("first"))], names: ["a:1", "b:1"] });
  const second = image({ layers: [layer(file("second"))], names: ["a:1"] });
  writeFileSync(work.join("two.tar"), archive(dockerArchive([first, second])));
  const pulled = await pullFile(work.join("root"), work.join("two.tar"));
  assert.ok(!(pulled instanceof OvlError), String(pulled));
  assert.deepEqual(
    pulled.images.map(({ id, names }) => [id, names]),
    [
      [first.id, ["b:1"]],
      [second.id, ["a:1"]],
    ],
  );
});

test("any names written are the names read", () => {
  using work = scratch("names", 0);
  const name = fc.tuple(
    fc.constantFrom("", "localhost:5000/", "quay.io/", "u/"),
    fc.stringMatching(/^[a-z0-9]{1,8}(?:[._-][a-z0-9]{1,4})?$/).filter((text) => text !== "sha256"),
    fc.stringMatching(/^:[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}$/),
  );
  fc.assert(
    fc.property(
      fc.array(
        name.map((parts) => parts.join("")),
        { maxLength: 8 },
      ),
      (names) => {
        const path = work.join("any.json");
        writeFileSync(path, "{}");
        new Repositories(path).update((changes) => {
          for (const text of names) changes.tag(text, id(text));
        });
        const read = new Repositories(path);
        for (const text of names) assert.equal(read.get(parseReference(text)), id(text));
      },
    ),
    { numRuns: 50 },
  );
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OvlError } from "../../src/errors.js";
import type { ByteString } from "../../src/model/bytes.js";
import { Assembly, type AssemblyProblem } from "../../src/tar-split/assemble.js";
import type { SplitEntry } from "../../src/tar-split/entry.js";
import { readAll } from "../support/sources.js";
import * as b from "../support/tar-builder.js";
import { MemoryFiles, newCrc64, takeApart } from "./support.js";

const LAYER = b.layer(b.file("a", "hello"), b.file("b", "world"), b.dir("d/"), b.file("d/c", "123456789"));
const { entries, files } = takeApart(LAYER);

function changed(name: string, content: string | null): ReadonlyMap<ByteString, Buffer> {
  const copy = new Map(files);
  if (content === null) copy.delete(name as ByteString);
  else copy.set(name as ByteString, Buffer.from(content));
  return copy;
}

function problems(
  layerFiles: ReadonlyMap<ByteString, Buffer>,
  of: readonly SplitEntry[] = entries,
): { found: string[]; bytes: Buffer } {
  const found: string[] = [];
  const onProblem = (problem: AssemblyProblem) => {
    found.push(
      problem.kind === "content"
        ? `${problem.name}: ${problem.expected} is ${problem.found}, ${problem.expectedSize} is ${problem.foundSize}`
        : `${problem.name}: ${problem.error.code}`,
    );
  };
  const memory = new MemoryFiles(layerFiles);
  const bytes = readAll(new Assembly({ entries: of, open: memory.opener, newCrc64, onProblem }));
  assert.equal(memory.open, 0);
  return { found, bytes };
}

describe("Assembly", () => {
  it("gives the tar back", () => {
    const memory = new MemoryFiles(files);
    const assembly = new Assembly({ entries, open: memory.opener, newCrc64 });
    assert.deepEqual(readAll(assembly), LAYER);
    assert.equal(assembly.read(), null);
    assert.equal(memory.open, 0);
  });

  it("throws what is wrong with a file before it gives any byte behind it", () => {
    const memory = new MemoryFiles(changed("a", "hellO"));
    using assembly = new Assembly({ entries, open: memory.opener, newCrc64 });
    assert.throws(
      () => readAll(assembly),
      (error) =>
        error instanceof OvlError &&
        error.code === "DIGEST_MISMATCH" &&
        error.fields["path"] === "a" &&
        error.fields["expected"] === "3c3eeee2d8100000",
    );
    assert.equal(memory.open, 0);
  });

  it("throws what the opener throws", () => {
    const assembly = new Assembly({ entries, open: new MemoryFiles(changed("b", null)).opener, newCrc64 });
    assert.throws(
      () => readAll(assembly),
      (error) => error instanceof OvlError && error.code === "NOT_FOUND",
    );
  });

  it("reports every bad file when asked to, and goes on", () => {
    assert.deepEqual(problems(files), { found: [], bytes: LAYER });
    const bad = new Map([...changed("a", ""), ["d/c" as ByteString, Buffer.from("1")]] as const);
    bad.delete("b" as ByteString);
    assert.deepEqual(problems(bad).found, [
      "a: 3c3eeee2d8100000 is 0000000000000000, 5 is 0",
      "b: NOT_FOUND",
      "d/c: b90956c775a41001 is 4320000000000000, 9 is 1",
    ]);
  });

  it("reports a size that is not the content's, also where the checksum is", () => {
    const sizes = new Map([["b", 9000]]);
    const resized = entries.map((entry) =>
      entry.type === "file" ? { ...entry, size: sizes.get(entry.name) ?? entry.size } : entry,
    );
    assert.deepEqual(problems(files, resized), {
      found: ["b: 336efdcc2a800000 is 336efdcc2a800000, 9000 is 5"],
      bytes: LAYER,
    });
  });

  it("reports a file that cannot be read to its end", () => {
    const found: string[] = [];
    const assembly = new Assembly({
      entries,
      open: () => ({
        read() {
          throw new OvlError("IO", "broken disk");
        },
        [Symbol.dispose]() {},
      }),
      newCrc64,
      onProblem: (problem) => found.push(`${problem.name} ${problem.kind}`),
    });
    readAll(assembly);
    assert.deepEqual(found, ["a unreadable", "b unreadable", "d/c unreadable"]);
  });

  it("closes what it opened when it is left", () => {
    const memory = new MemoryFiles(files);
    let ended = false;
    function* watched() {
      try {
        yield* entries;
      } finally {
        ended = true;
      }
    }
    {
      using assembly = new Assembly({ entries: watched(), open: memory.opener, newCrc64 });
      assembly.read();
      assembly.read();
      assert.equal(memory.open, 1);
    }
    assert.deepEqual([memory.open, ended], [0, true]);
  });

  it("opens nothing for entries of no size", () => {
    const empty = takeApart(b.layer(b.file("a"), b.dir("d/"), b.whiteout("x")));
    const open = () => assert.fail("nothing to open");
    assert.equal(readAll(new Assembly({ entries: empty.entries, open, newCrc64 })).length, 3 * 512 + 1024);
  });
});

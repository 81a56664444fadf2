import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Header, Parser, type ReadEntry } from "tar";
import { char, dir, END, file, hardlink, latin1, layer, paxRecords, symlink, tar, whiteout } from "./tar-builder.js";

/** What node-tar, which shares nothing with the builder, finds in an archive. */
async function entriesOf(archive: Uint8Array): Promise<{ entry: ReadEntry; content: string }[]> {
  const found: { entry: ReadEntry; content: string }[] = [];
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const chunks: Buffer[] = [];
      entry.on("data", (chunk: Buffer) => chunks.push(chunk));
      entry.on("end", () => found.push({ entry, content: Buffer.concat(chunks).toString("utf8") }));
    },
  });
  const ended = new Promise<void>((resolve, reject) => parser.on("end", resolve).on("error", reject));
  parser.end(Buffer.from(archive));
  await ended;
  return found;
}

describe("the tar builder", () => {
  it("writes entries that node-tar reads back, in every type", async () => {
    const archive = layer(
      dir("d/", { mode: 0o2755, uid: 1, gid: 2 }),
      file("d/f", "content", { mode: 0o4711, mtime: 1234 }),
      symlink("d/s", "f"),
      hardlink("h", "d/f"),
      char("null", 1, 3),
      whiteout("d/gone"),
    );
    const found = await entriesOf(archive);
    assert.deepEqual(
      found.map(({ entry }) => [entry.path, entry.type, entry.linkpath ?? ""]),
      [
        ["d/", "Directory", ""],
        ["d/f", "File", ""],
        ["d/s", "SymbolicLink", "f"],
        ["h", "Link", "d/f"],
        ["null", "CharacterDevice", ""],
        ["d/.wh.gone", "File", ""],
      ],
    );
    assert.equal(found[1]?.content, "content");
    assert.equal(found[1]?.entry.mode, 0o4711);
    assert.equal(found[1]?.entry.mtime?.getTime(), 1234000);
    assert.deepEqual([found[0]?.entry.uid, found[0]?.entry.gid], [1, 2]);
  });

  it("puts long names where the asked-for form has them", async () => {
    const long = `${"a".repeat(90)}/${"b".repeat(90)}`;
    const found = await entriesOf(
      layer(
        file(long, "prefix", { prefix: "a".repeat(90) }),
        file(`gnu/${long}`, "gnu", { magic: "gnu", gnuLong: true }),
        file("short", "pax", { pax: { path: `pax/${long}`, mtime: "1.5" } }),
      ),
    );
    assert.deepEqual(
      found.map(({ entry }) => entry.path),
      [long, `gnu/${long}`, `pax/${long}`],
    );
    assert.equal(found[2]?.entry.mtime?.getTime(), 1500);
    assert.throws(() => file(long, "nowhere to put it"), /prefix/);
  });

  it("writes numbers that do not fit octal digits in base-256", () => {
    const header = new Header(file("f", "", { uid: 2 ** 40, mtime: -1, gid: 7 }), 0);
    assert.equal(header.cksumValid, true);
    assert.equal(header.uid, 2 ** 40);
    assert.equal(header.gid, 7);
    assert.equal(header.mtime?.getTime(), -1000);
  });

  it("counts a PAX record's own length", () => {
    assert.equal(paxRecords({ path: "x" }).toString(), "9 path=x\n");
    // With one digit the record would have ten bytes, which need two.
    assert.equal(paxRecords({ path: "xx" }).toString(), "11 path=xx\n");
    assert.match(paxRecords({ k: "v".repeat(93) }).toString(), /^99 k=/);
    assert.match(paxRecords({ k: "v".repeat(94) }).toString(), /^101 k=/);
  });

  it("keeps names and values that are not text byte for byte", () => {
    const archive = tar(file(latin1("\xff\x00?"), "x", { xattrs: { "user.b": latin1("\x00\xfe\n") } }), END);
    assert.ok(archive.includes(latin1("SCHILY.xattr.user.b=\x00\xfe\n\n")));
    assert.ok(archive.includes(latin1("\xff\x00?")));
    assert.equal(archive.length % 512, 0);
  });
});

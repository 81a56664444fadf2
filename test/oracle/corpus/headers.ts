/** Header forms, numbers and times. */
import {
  type Bytes,
  bytes,
  checksummed,
  dir,
  type EntryOptions,
  entry,
  file,
  hardlink,
  latin1,
  layer,
  paxGlobal,
  paxHeader,
  symlink,
  tar,
} from "../../support/tar-builder.js";
import { type Case, loads, loses, refuses } from "./case.js";

const long = `${"d".repeat(60)}/${"e".repeat(60)}/${"f".repeat(60)}`;

/** Overwrites header fields at their offsets. */
function withFields(...fields: readonly (readonly [offset: number, text: Bytes])[]): EntryOptions {
  return {
    patch(header) {
      for (const [offset, text] of fields) header.set(bytes(text), offset);
    },
  };
}

/** A PAX 1.0 sparse file of two data blocks with a hole between: its map stands before the data. */
const sparse10 = (name: string) =>
  entry("0", "GNUSparseFile.0/s", tar(pad("2\n0\n512\n4096\n512\n"), Buffer.alloc(512, "A"), Buffer.alloc(512, "B")), {
    pax: { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name, "GNU.sparse.realsize": "8192" },
  });
const sparse01 = (name: string) =>
  entry("0", "GNUSparseFile.0/s", tar(Buffer.alloc(512, "A"), Buffer.alloc(512, "B")), {
    pax: {
      "GNU.sparse.size": "8192",
      "GNU.sparse.numblocks": "2",
      "GNU.sparse.name": name,
      "GNU.sparse.map": "0,512,4096,512",
    },
  });
const sparse00 = (name: string) =>
  tar(
    entry(
      "x",
      "PaxHeaders.0/s",
      [
        ["GNU.sparse.size", "8192"],
        ["GNU.sparse.numblocks", "2"],
        ["GNU.sparse.offset", "0"],
        ["GNU.sparse.numbytes", "512"],
        ["GNU.sparse.offset", "4096"],
        ["GNU.sparse.numbytes", "512"],
      ]
        .map(([key, value]) => record(key as string, value as string))
        .join(""),
    ),
    entry("0", name, tar(Buffer.alloc(512, "A"), Buffer.alloc(512, "B"))),
  );

export const headers: readonly Case[] = [
  loads("ustar with a prefix", [
    layer(dir(`${"d".repeat(60)}/`), file(long, "x", { prefix: `${"d".repeat(60)}/${"e".repeat(60)}` })),
  ]),
  loads("GNU long names and long links", [
    layer(
      file(`gnu/${long}/${"é".repeat(40)}`, "L", { magic: "gnu", gnuLong: true }),
      symlink(`links/${long}/l`, `to/${long}/t`, { magic: "gnu", gnuLong: true }),
      hardlink("hard", `gnu/${long}/${"é".repeat(40)}`, { magic: "gnu", gnuLong: true }),
      dir(`dirs/${long}/`, { magic: "gnu", gnuLong: true, mtime: 5 }),
      file(latin1(`\xff${"n".repeat(150)}`), "not UTF-8", { magic: "gnu", gnuLong: true }),
    ),
  ]),
  loads("a PAX path wins over a GNU long name", [
    layer(
      tar(
        entry("L", "././@LongLink", "from-gnu\0", { magic: "gnu" }),
        file("from-header", "1", { pax: { path: "from-pax" } }),
      ),
    ),
  ]),
  loads("the last GNU long name before an entry counts", [
    layer(
      entry("L", "././@LongLink", "first\0", { magic: "gnu" }),
      entry("L", "././@LongLink", "second\0junk", { magic: "gnu" }),
      entry("K", "././@LongLink", "target\0", { magic: "gnu" }),
      symlink("header-name", "header-target", { magic: "gnu" }),
    ),
  ]),
  loads("base-256 ids, sizes and times", [
    layer(
      file("f", "base256", { base256: true, uid: 70000, gid: 3_000_000_000, mtime: 1234567890, magic: "gnu" }),
      dir("d/", { base256: true, mode: 0o2755, mtime: 999 }),
      entry("3", "c", "", { base256: true, device: [4095, 1048575] }),
    ),
  ]),
  loads("times before 1970 and after 2262 become the epoch", [
    layer(
      file("before", "1", { mtime: -1, base256: true, magic: "gnu" }),
      file("pax-before", "2", { pax: { mtime: "-1.5" } }),
      file("last", "3", { mtime: 9223372036 }),
      file("after", "4", { mtime: 9223372037 }),
      file("far-after", "5", { mtime: 2 ** 40, base256: true }),
      dir("old/", { mtime: -86400, base256: true }),
      symlink("sold", "x", { pax: { mtime: "-0.000000001" } }),
      file("epoch", "6", { mtime: 0 }),
    ),
  ]),
  loads("nanosecond times", [
    layer(
      dir("d/", { pax: { mtime: "1500000000.987654321" } }),
      file("d/f", "1", { pax: { mtime: "1500000001.123456789" } }),
      symlink("d/s", "f", { pax: { mtime: "1500000002.000000001" } }),
      file("d/short", "2", { pax: { mtime: "1500000003.5" } }),
      file("d/more", "3", { pax: { mtime: "1500000004.1234567899999" } }),
      file("d/dot", "4", { pax: { mtime: "1500000005." } }),
      file("d/zero", "5", { pax: { mtime: "0.5" } }),
      file("d/atime", "6", { pax: { mtime: "1500000006.25", atime: "1600000000.125", ctime: "1700000000.5" } }),
    ),
  ]),
  loads("directory times are set last, in archive order", [
    layer(
      dir("a/", { mtime: 10 }),
      dir("a/b/", { mtime: 20 }),
      file("a/b/c", "1"),
      file("a/d", "2"),
      dir("e/", { mtime: 30 }),
      file("a/late", "3"),
      hardlink("e/h", "a/d"),
    ),
  ]),
  loads("PAX records with an empty value keep the header's", [
    layer(file("kept", "k", { uid: 9, mtime: 55, pax: { path: "", uid: "", mtime: "", linkpath: "", size: "" } })),
  ]),
  loads("a PAX global header is one entry and changes nothing", [
    layer(paxGlobal({ comment: "a git commit", path: "nope", uid: "42", mtime: "1.5" }), file("f", "x"), dir("d/")),
  ]),
  loads("two PAX global headers under two names", [
    layer(
      paxGlobal({ comment: "1" }, "global-1"),
      file("f", "x"),
      paxGlobal({ comment: "2" }, "global-2"),
      file("g", "y"),
    ),
  ]),
  refuses("DUPLICATE_PATH", "two PAX global headers under one name", [
    layer(paxGlobal({ comment: "1" }), file("f", "x"), paxGlobal({ comment: "2" })),
  ]),
  refuses("DUPLICATE_PATH", "a file called like the PAX global header", [
    layer(paxGlobal({ comment: "1" }), file("pax_global_header", "x")),
  ]),
  loads("a PAX header twice: the second replaces the first", [
    layer(paxHeader({ uid: "1", path: "one" }), paxHeader({ gid: "2", path: "two" }), file("f", "x")),
  ]),
  loads("a PAX header as the last thing", [layer(file("f", "x"), paxHeader({ path: "nothing follows" }))]),
  loads("a GNU header with access and change time", [
    layer(file("f", "x", { magic: "gnu", ...withFields([345, "07654321000\x0007654322000\0"]) })),
  ]),
  loads("a star header with its own prefix", [
    layer(file("f", "x", withFields([345, "starprefix"], [476, "07654321000 07654322000 "], [508, "tar\0"]))),
  ]),
  loads("numbers padded with spaces, ended by spaces, or empty", [
    layer(
      file("spaces", "1", withFields([100, "   644 \0"], [108, "    12 \0"])),
      file("no-end", "2", withFields([108, "00000017"], [136, "011111111111"])),
      file("empty", "3", withFields([108, Buffer.alloc(8)], [116, "        "])),
      file("after-nul", "4", withFields([108, "0000021\0"])),
    ),
  ]),
  loads("a signed checksum", [layer(signedChecksum(file(latin1("\xff\xfe\xfd"), "2")), file("sm\xefrt", "1"))]),
  loads("a ustar header with junk after its fields", [layer(file("f", "x", withFields([500, "junkjunkjunk"])))]),
  loads("a name of exactly 100 bytes without a NUL", [
    layer(file("a".repeat(100), "100"), symlink("s", "t".repeat(100)), dir(`${"d".repeat(99)}/`)),
  ]),
  loses("PAX sparse 1.0", [layer(sparse10("sparse/ten"), file("after", "a"))]),
  loses("PAX sparse 0.1", [layer(sparse01("sparse/one"), file("after", "a"))]),
  loses("PAX sparse 0.0", [layer(sparse00("zero"), file("after", "a"))]),
  refuses("BAD_TAR", "PAX sparse with a broken map", [
    layer(
      entry("0", "s", pad("x\n"), {
        pax: { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1" },
      }),
    ),
  ]),
  refuses("BAD_TAR", "a bad checksum", [layer(corrupt(file("f", "x"), 0))]),
  refuses("BAD_TAR", "a digit that is not octal", [layer(file("f", "x", withFields([108, "0000008\0"])))]),
  refuses("BAD_TAR", "a negative size", [layer(file("f", "", { size: -1n }))]),
  refuses("BAD_TAR", "a size beyond 63 bits", [layer(file("f", "", { size: 2n ** 70n }))]),
  refuses("BAD_TAR", "a NUL in a PAX path", [layer(file("f", "x", { pax: { path: "a\0b" } }))]),
  refuses("BAD_TAR", "a malformed PAX length", [layer(entry("x", "PaxHeaders.0/x", "zz path=a\n"), file("f", "x"))]),
  refuses("BAD_TAR", "a PAX record without an equals sign", [
    layer(entry("x", "PaxHeaders.0/x", "9 pathxx\n"), file("f", "x")),
  ]),
  refuses("BAD_TAR", "a PAX record that runs over the end", [
    layer(entry("x", "PaxHeaders.0/x", "99 path=a\n"), file("f", "x")),
  ]),
  refuses("BAD_TAR", "a PAX size that is no number", [layer(file("f", "x", { pax: { size: "ten" } }))]),
  refuses("BAD_TAR", "a PAX time that is no number", [layer(file("f", "x", { pax: { mtime: "noon" } }))]),
  refuses("BAD_TAR", "a PAX header over a mebibyte", [
    layer(file("f", "x", { pax: { comment: "c".repeat(2 ** 20) } })),
  ]),
];

function pad(text: string): Buffer {
  const data = bytes(text);
  return Buffer.concat([data, Buffer.alloc(-data.length & 511)]);
}

function record(key: string, value: string): string {
  const body = ` ${key}=${value}\n`;
  const total = body.length + String(body.length + 2).length;
  return `${total}${body}`;
}

function corrupt(bytes: Buffer, offset: number): Buffer {
  bytes[offset] = (bytes[offset] as number) ^ 1;
  return bytes;
}

/** The sum over signed chars, as some old tars made it; differs where bytes are above 0x7f. */
function signedChecksum(entryBytes: Buffer): Buffer {
  const header = checksummed(entryBytes.subarray(0, 512));
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + (byte > 127 ? byte - 256 : byte), 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return entryBytes;
}

/** How the stream of a layer begins and ends. */
import { dir, END, file, layer, tar } from "../../support/tar-builder.js";
import { type Case, loads, loses, marker, refuses } from "./case.js";

const some = tar(dir("d/"), file("d/f", "content"));
const zeros = (size: number) => Buffer.alloc(size);

export const streams: readonly Case[] = [
  loads("padding to a full record of 10240", [tar(some, zeros(10240 - (some.length % 10240)))]),
  loads("a tail of three mebibytes of zeros", [tar(some, zeros(3 * 2 ** 20))]),
  loads("no end of archive", [some]),
  loads("one zero block and the end", [tar(some, zeros(512))]),
  loads("garbage after the end", [tar(some, END, Buffer.from("garbage".repeat(1000)))]),
  loads("a second archive after the end", [tar(some, END, layer(file("hidden", "not extracted")))]),
  loads("a short tail after the end", [tar(some, END, Buffer.from("x"))]),
  loads("empty layers of 0, 512, 1024 and 10240 bytes", [
    tar(marker("empty layers"), END),
    zeros(0),
    zeros(512),
    zeros(1024),
    zeros(10240),
  ]),
  loads("an empty layer at the bottom", [zeros(1536), layer(marker("empty layer at the bottom"))], { unmarked: true }),
  loads("the canonical empty layer twice", [layer(some), zeros(1024), zeros(1024)]),
  loads("a last file without padding", [tar(some, file("last", "cut", { padding: zeros(0) }))]),
  loads("padding that is not zero", [
    tar(file("junk", "x", { padding: Buffer.alloc(511, 0xaa) }), file("f", "y"), END),
  ]),
  loads("files around the sizes of blocks and buffers", [
    layer(
      ...[0, 1, 511, 512, 513, 1023, 1024, 32767, 32768, 32769, 65536, 100000].map((n) =>
        file(`f${n}`, Buffer.alloc(n, n & 255)),
      ),
    ),
  ]),
  loads("a file of two mebibytes", [layer(file("big", pattern(2 * 2 ** 20)), file("after", "a"))]),
  loads("two thousand small files", [
    layer(...Array.from({ length: 2000 }, (_, i) => file(`many/${i % 50}/f${i}`, `content ${i}`))),
  ]),
  loses("a last file with its padding cut", [tar(some, file("last", "cut", { padding: zeros(100) }))]),
  refuses("BAD_TAR", "a zero block and a block that is not", [tar(some, zeros(512), Buffer.alloc(512, 1), END)]),
  refuses("BAD_TAR", "a zero block and a cut block", [tar(some, zeros(512), zeros(100))]),
  refuses("BAD_TAR", "a cut header", [tar(some, file("g", "x").subarray(0, 300))]),
  refuses("BAD_TAR", "cut data", [tar(some, file("g", "x".repeat(2000)).subarray(0, 1500))]),
  refuses("BAD_TAR", "junk shorter than a block", [tar(some, Buffer.from("junk"))]),
  refuses("BAD_TAR", "junk of a block", [tar(some, Buffer.alloc(512, "j"))]),
  refuses("BAD_TAR", "text instead of a tar", [Buffer.from("this is no tar archive\n".repeat(100))], {
    unmarked: true,
  }),
];

function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i += 4) bytes.writeUInt32LE((i * 2654435761) >>> 0, i);
  return bytes;
}

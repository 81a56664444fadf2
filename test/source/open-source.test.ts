import assert from "node:assert/strict";
import { readSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { openSource } from "../../src/source/open-source.js";
import type { Selection, SourceImage } from "../../src/source/source.js";
import * as build from "../support/image-builder.js";
import { file, layer } from "../support/tar-builder.js";
import { scratch } from "../support/tmp.js";

const ALL: Selection = { name: null, platform: null };
const base = layer(file("base", "base\n"));
const top = layer(file("top", "x".repeat(3000)));
const one = build.image({ layers: [base, top, base], names: ["app:1", "localhost:5000/x/y:2"] });

async function bytesOf(image: SourceImage): Promise<Buffer[]> {
  const bytes: Buffer[] = [];
  for (const each of image.layers) {
    const { fd, offset, size } = await each.open();
    const buffer = Buffer.alloc(size);
    readSync(fd, buffer, 0, size, offset);
    bytes.push(buffer);
  }
  return bytes;
}

const kinds: [title: string, files: build.Files, kind: string][] = [
  ["a docker archive", build.dockerArchive([one]), "docker-archive"],
  ["an OCI archive", build.ociLayout([one]), "oci-archive"],
  ["an archive that is both", build.hybridArchive([one]), "docker-archive"],
];

describe("openSource", () => {
  for (const [title, files, kind] of kinds) {
    for (const compress of [(bytes: Buffer) => bytes, build.gzip]) {
      it(`reads ${title}${compress === build.gzip ? ", compressed as a whole" : ""}`, async () => {
        using dir = scratch("source");
        writeFileSync(dir.join("a.tar"), compress(build.archive(files)));
        const { source, name } = await openSource(dir.join("a.tar"));
        await using _ = source;
        assert.equal(source.kind, kind);
        assert.equal(name, null);
        const [image, ...more] = await source.images(ALL);
        assert.equal(more.length, 0);
        assert.ok(image);
        assert.equal(image.id, one.id);
        assert.deepEqual(image.names, ["app:1", "localhost:5000/x/y:2"]);
        assert.deepEqual(
          image.layers.map((each) => each.diffId),
          one.diffIds,
        );
        assert.deepEqual(
          await bytesOf(image),
          [base, top, base].map((each) => Buffer.from(each)),
        );
      });
    }
  }

  it("reads an OCI layout directory", async () => {
    using dir = scratch("source");
    build.writeFiles(build.ociLayout([one]), dir.path);
    const { source } = await openSource(dir.path);
    await using _ = source;
    assert.equal(source.kind, "oci");
    const [image] = await source.images(ALL);
    assert.equal(image?.id, one.id);
    assert.deepEqual(
      await bytesOf(image as SourceImage),
      [base, top, base].map((each) => Buffer.from(each)),
    );
  });
});

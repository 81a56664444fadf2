/** Archives that name one large document so often, or so many of them, that reading each would take all memory. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { openSource } from "../../src/source/open-source.js";
import { archive, dockerArchive, type Files, hex, image, json, MEDIA, ociLayout } from "../support/image-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

const large = image({ layers: [], config: { author: "a".repeat(7 * 2 ** 20) } });
const config = `${hex(large.id)}.json`;

describe("documents of an archive", () => {
  let work: Scratch;
  before(() => {
    work = scratch("budget", 0);
  });
  after(() => work[Symbol.dispose]());

  async function imagesOf(files: Files): Promise<number> {
    writeFileSync(work.join("archive.tar"), archive(files));
    const { source } = await openSource(work.join("archive.tar"));
    await using _ = source;
    return (await source.images({ name: null, platform: null })).length;
  }

  it("are read once, however often a docker archive names them", async () => {
    const named = dockerArchive([large], { manifest: (items) => Array.from({ length: 5000 }, () => items[0]) });
    assert.equal(await imagesOf(named), 1);
  });

  it("have parents found at once, however many images there are", async () => {
    const empty = image({ layers: [] });
    const items = Array.from({ length: 50_000 }, (_, i) => ({
      Config: `${hex(empty.id)}.json`,
      Parent: `sha256:${i}`,
    }));
    assert.equal(await imagesOf(dockerArchive([empty], { manifest: () => items })), 1);
  });

  it("are refused where a docker archive has the same under many names", async () => {
    const names = Array.from({ length: 40 }, (_, i) => `${i}.json`);
    const files = dockerArchive([large], { manifest: () => names.map((name) => ({ Config: name })) });
    for (const name of names) files.set(name, { symlink: config });
    await assert.rejects(imagesOf(files), { code: "BAD_ARCHIVE", message: /more than \d+ bytes together/ });
  });

  it("are refused where manifests without end name the same config", async () => {
    const files = ociLayout([large], {
      index: (_, put) => ({
        schemaVersion: 2,
        manifests: Array.from({ length: 40 }, (_, i) =>
          put(
            json({
              schemaVersion: 2,
              config: put(large.configBytes, MEDIA.config),
              layers: [],
              annotations: { i: `${i}` },
            }),
            MEDIA.manifest,
          ),
        ),
      }),
    });
    await assert.rejects(imagesOf(files), { code: "BAD_ARCHIVE", message: /more than \d+ bytes together/ });
  });
});

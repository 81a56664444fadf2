/** `ovl verify` of sources: one problem hides no other, neither in an archive nor in the targets after it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { violations } from "../schema/schemas.js";
import {
  archive,
  dockerArchive,
  type Files,
  gzip,
  hex,
  hybridArchive,
  image,
  MEDIA,
  ociLayout,
  sha256,
} from "../support/image-builder.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { file, layer } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

interface Answer {
  readonly ok: boolean;
  readonly targets: readonly {
    readonly target: string;
    readonly imageId: string | null;
    readonly ok: boolean;
    readonly problems: readonly { readonly code: string; readonly subject: string; readonly message: string }[];
  }[];
}

const one = image({ layers: [layer(file("one", "1".repeat(3000)))], names: ["app:1"] });
const two = image({ layers: [layer(file("two", "2".repeat(3000)))], names: ["app:2"] });
const [layerOfOne = "", layerOfTwo = ""] = [one, two].flatMap(({ diffIds }) => diffIds);

const blob = (digest: string) => `blobs/sha256/${hex(digest)}`;

/** Changes a bit of a layer's file, or of a config's text. */
function flip(files: Files, digest: string): void {
  const bytes = Buffer.from(files.get(blob(digest)) as Uint8Array);
  const at = bytes.length > 2048 ? 1000 : bytes.indexOf("created") + 1;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  files.set(blob(digest), bytes);
}

let dir: Scratch;
before(() => {
  dir = scratch("verify-command", 0);
  writeFileSync(dir.join("good.tar"), archive(dockerArchive([one])));
});
after(() => dir[Symbol.dispose]());

/** Exit status and answer, whose shape is checked. */
async function verify(...args: string[]): Promise<{ status: number | null; answer: Answer }> {
  const { status, json } = await ovlJson<Answer>(["verify", "--root", dir.join("root"), ...args]);
  assert.equal(violations("verify", json), "");
  return { status, answer: json };
}
const saved = (name: string, files: Files): string => {
  writeFileSync(dir.join(name), archive(files));
  return dir.join(name);
};
/** Codes and what they are about, in any order. */
const told = ({ targets }: Answer) =>
  targets.flatMap(({ problems }) => problems.map(({ code, subject }) => `${code} ${subject}`)).sort();

const FORMS = [
  ["a docker archive", (): Files => hybridArchive([one, two]), "docker-archive:"],
  ["an OCI archive", (): Files => ociLayout([one, two]), "oci-archive:"],
] as const;

describe("verify of an archive with two images", () => {
  for (const [title, files, prefix] of FORMS) {
    it(`tells of a config and of the layers of both in ${title}`, async () => {
      const damaged = files();
      for (const digest of [one.id, layerOfOne, layerOfTwo]) flip(damaged, digest);
      const source = `${prefix}${saved("three.tar", damaged)}`;
      const { status, answer } = await verify(source);
      assert.equal(status, 1);
      const expected = [`DIGEST_MISMATCH ${source}`, ...[layerOfOne, layerOfTwo].map((x) => `DIGEST_MISMATCH ${x}`)];
      assert.deepEqual(told(answer), expected.sort());
      assert.deepEqual(
        answer.targets.map(({ imageId }) => imageId),
        [null, two.id],
      );
    });

    it(`tells of a layer of one, and that the other's config is missing, in ${title}`, async () => {
      const damaged = files();
      flip(damaged, layerOfOne);
      damaged.delete(blob(two.id));
      const { status, answer } = await verify(`${prefix}${saved("missing.tar", damaged)}`);
      assert.equal(status, 1, "content that differs counts more than an archive that lacks something");
      assert.deepEqual(
        told(answer).map((text) => text.split(" ")[0]),
        ["BAD_ARCHIVE", "DIGEST_MISMATCH"],
      );
    });

    it(`looks at the image that is asked for by name, and at no other, in ${title}`, async () => {
      const damaged = files();
      flip(damaged, one.id);
      const source = `${prefix}${saved("named.tar", damaged)}`;
      assert.equal((await verify(`${source}:app:2`)).status, 0);
      const { status, answer } = await verify(`${source}:app:1`);
      assert.deepEqual([status, told(answer)], [1, [`DIGEST_MISMATCH ${source}:app:1`]]);
    });
  }

  it("goes on behind an OCI manifest that was changed", async () => {
    const damaged = ociLayout([one, two]);
    const index = JSON.parse(String(damaged.get("index.json"))) as { manifests: { digest: string }[] };
    const digest = index.manifests[0]?.digest ?? "";
    damaged.set(blob(digest), Buffer.alloc((damaged.get(blob(digest)) as Uint8Array).length, " "));
    flip(damaged, layerOfTwo);
    const source = saved("manifest.tar", damaged);
    const { status, answer } = await verify(source);
    assert.deepEqual(
      [status, told(answer)],
      [1, [`DIGEST_MISMATCH ${source}`, `DIGEST_MISMATCH ${layerOfTwo}`].sort()],
    );
  });

  it("has the status of what it cannot read where nothing else is wrong", async () => {
    const damaged = ociLayout([one, two]);
    damaged.delete(blob(two.id));
    const { status, answer } = await verify(saved("lacks.tar", damaged));
    assert.equal(status, 4);
    assert.deepEqual(
      answer.targets.map(({ imageId, ok }) => [imageId, ok]),
      [
        [null, false],
        [one.id, true],
      ],
    );
  });
});

describe("verify of several targets", () => {
  it("answers for each, though the first is damaged or no archive", async () => {
    const damaged = hybridArchive([two]);
    flip(damaged, two.id);
    const bad = `docker-archive:${saved("bad.tar", damaged)}`;
    writeFileSync(dir.join("noise.tar"), Buffer.alloc(4096, "noise"));
    const cases: [first: string, status: number, code: string][] = [
      [bad, 1, "DIGEST_MISMATCH"],
      [dir.join("noise.tar"), 4, "BAD_ARCHIVE"],
      [dir.join("nowhere.tar"), 3, "NOT_FOUND"],
      ["nowhere:1", 3, "NOT_FOUND"],
    ];
    for (const [first, expected, code] of cases) {
      const { status, answer } = await verify(first, dir.join("good.tar"));
      assert.equal(status, expected, first);
      assert.deepEqual(
        answer.targets.map(({ target, ok, problems }) => [target, ok, problems.map((problem) => problem.code)]),
        [
          [first, false, [code]],
          [dir.join("good.tar"), true, []],
        ],
      );
    }
  });

  it("exits 1 where one differs, whatever the others are", async () => {
    const other = ["--expect", two.id];
    const { status, answer } = await verify(dir.join("nowhere.tar"), dir.join("good.tar"), ...other);
    assert.equal(status, 1);
    assert.deepEqual(
      answer.targets.flatMap(({ problems }) => problems.map(({ code }) => code)),
      ["NOT_FOUND", "IMAGE_ID_MISMATCH"],
    );
  });

  it("lists those that are not there in text, too", async () => {
    const { status, stdout, stderr } = await ovl(["verify", dir.join("a.tar"), dir.join("b.tar")]);
    assert.deepEqual([status, stderr], [3, ""]);
    assert.match(stdout, /^FAILED .*a\.tar\n {2}NOT_FOUND: .*\nFAILED .*b\.tar\n {2}NOT_FOUND: .*\n$/);
  });
});

describe("verify of a docker archive that is an OCI layout, too", () => {
  const shared = layer(file("shared", "s".repeat(3000)));
  const both = image({ layers: [shared, layer(file("top", "t")), shared], names: ["app:3"] });
  /** The OCI half with its manifest changed, the digests and sizes of which then hold. */
  function withManifest(
    files: Files,
    change: (manifest: { layers: { digest: string; size: number }[] }) => void,
  ): Files {
    const index = JSON.parse(String(files.get("index.json"))) as { manifests: { digest: string; size: number }[] };
    for (const descriptor of index.manifests) {
      const manifest = JSON.parse(String(files.get(blob(descriptor.digest))));
      change(manifest);
      const bytes = Buffer.from(JSON.stringify(manifest));
      descriptor.digest = sha256(bytes);
      descriptor.size = bytes.length;
      files.set(blob(descriptor.digest), bytes);
    }
    return files.set("index.json", Buffer.from(JSON.stringify(index)));
  }
  /** Layers of the OCI half as other blobs than those of manifest.json. */
  function withGzip(files: Files): Files {
    return withManifest(files, ({ layers }) => {
      for (const each of layers) {
        const bytes = gzip(files.get(blob(each.digest)) as Uint8Array);
        Object.assign(each, { mediaType: `${MEDIA.layer}+gzip`, digest: sha256(bytes), size: bytes.length });
        files.set(blob(each.digest), bytes);
      }
    });
  }
  const layersOf = (files: Files): string[] =>
    (JSON.parse(String(files.get(blob(manifestOf(files))))) as { layers: { digest: string }[] }).layers.map(
      ({ digest }) => digest,
    );
  const manifestOf = (files: Files): string =>
    (JSON.parse(String(files.get("index.json"))) as { manifests: { digest: string }[] }).manifests[0]?.digest ?? "";

  const sound: [title: string, files: () => Files][] = [
    ["as docker writes it", () => hybridArchive([one, both])],
    ["with the layers in another order", () => withManifest(hybridArchive([both]), ({ layers }) => layers.reverse())],
    ["with its layers compressed", () => withGzip(hybridArchive([both]))],
    ["with a repeated layer once", () => withManifest(hybridArchive([both]), ({ layers }) => layers.pop())],
    [
      "without the name of an image that has none",
      () =>
        hybridArchive([image({ layers: both.layers })]).set(
          "index.json",
          Buffer.from('{"schemaVersion":2,"manifests":null}'),
        ),
    ],
  ];
  for (const [title, files] of sound) {
    it(`is ok ${title}`, async () => {
      const { status, answer } = await verify(saved("sound.tar", files()));
      assert.deepEqual([status, told(answer)], [0, []]);
    });
  }

  it("finds nothing wrong with what ovl save writes", async () => {
    const root = ["--root", dir.join("saving")];
    assert.equal((await ovl(["pull", saved("in.tar", hybridArchive([one, both])), ...root])).status, 0);
    assert.equal((await ovl(["save", "app:1", both.id, "-o", dir.join("out.tar"), ...root])).status, 0);
    assert.equal((await verify(dir.join("out.tar"))).status, 0);
  });

  const damages: [title: string, files: () => Files, status: number, problems: string[]][] = [
    [
      "a manifest that was changed",
      () => {
        const files = hybridArchive([one]);
        const digest = manifestOf(files);
        return files.set(blob(digest), Buffer.from(String(files.get(blob(digest))).replace("layers", "Layers")));
      },
      1,
      ["DIGEST_MISMATCH"],
    ],
    [
      "a manifest that is missing",
      () => {
        const files = hybridArchive([one]);
        files.delete(blob(manifestOf(files)));
        return files;
      },
      4,
      ["BAD_ARCHIVE"],
    ],
    ["an index that is no JSON", () => hybridArchive([one]).set("index.json", Buffer.from("{")), 4, ["BAD_MANIFEST"]],
    [
      "an index of another image",
      () => new Map([...hybridArchive([one]), ...ociLayout([two])]),
      1,
      ["IMAGE_ID_MISMATCH", "IMAGE_ID_MISMATCH"],
    ],
    [
      "an index that lacks a named image",
      () => new Map([...hybridArchive([one, two]), ...ociLayout([two])]),
      1,
      ["IMAGE_ID_MISMATCH"],
    ],
    [
      "a layer of another size",
      () =>
        withManifest(hybridArchive([one]), ({ layers }) => {
          for (const each of layers) each.size += 1;
        }),
      1,
      ["SIZE_MISMATCH"],
    ],
    [
      "a layer of another image",
      () =>
        withManifest(hybridArchive([one, two]), ({ layers }) => {
          for (const each of layers) each.digest = layerOfTwo;
        }),
      1,
      ["DIFF_ID_MISMATCH"],
    ],
    [
      "a compressed layer that only the OCI half names",
      () => {
        const files = withGzip(hybridArchive([one]));
        const [digest = ""] = layersOf(files);
        const bytes = Buffer.from(files.get(blob(digest)) as Uint8Array);
        bytes.writeUInt8(bytes.readUInt8(4) ^ 1, 4);
        return files.set(blob(digest), bytes);
      },
      1,
      ["DIGEST_MISMATCH"],
    ],
    [
      "a config that both halves have",
      () => {
        const files = hybridArchive([one]);
        flip(files, one.id);
        return files;
      },
      1,
      ["DIGEST_MISMATCH"],
    ],
  ];
  for (const [title, files, status, problems] of damages) {
    it(`tells of ${title}, once`, async () => {
      const source = saved("damaged.tar", files());
      // What is asked for by its prefix is that half alone. Beside a second target there is an
      // answer for every failure.
      const found = await verify(source, dir.join("good.tar"));
      assert.equal(found.status, status);
      assert.deepEqual(
        told(found.answer).map((text) => text.split(" ")[0]),
        problems,
      );
      if (title !== "a config that both halves have") {
        assert.equal((await verify(`docker-archive:${source}`)).status, 0);
      }
    });
  }
});

/** `ovl verify` of sources: one problem hides no other, neither in an archive nor in the targets after it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { violations } from "../schema/schemas.js";
import { archive, dockerArchive, type Files, hex, hybridArchive, image, ociLayout } from "../support/image-builder.js";
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

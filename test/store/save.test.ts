import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { OvlError } from "../../src/errors.js";
import { type SaveOptions, type SaveResult, save } from "../../src/store/save.js";
import { LayoutDirectory } from "../../src/store/save-directory.js";
import { planSave } from "../../src/store/save-plan.js";
import { openStore } from "../../src/store/store.js";
import { expectSound } from "../support/expect-sound.js";
import { archive, CREATED, chainIds, dockerArchive, hex, type Image, image } from "../support/image-builder.js";
import { pullFile } from "../support/pull.js";
import { dockerImages, type IndexEntry, type ManifestItem, ociImages, readJson, unpack } from "../support/saved.js";
import { dir, file, layer, whiteout } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

const base = layer(dir("etc/"), file("etc/passwd", "root:x:0:0\n"), file("bin/hello", Buffer.alloc(300_000, 7)));
const top = layer(file("etc/app.conf", "x=1\n"), whiteout("etc/passwd"));
const more = layer(file("etc/more.conf", "y=2\n"));
const step = (text: string) => ({ created: CREATED, created_by: text });

const IMAGES = {
  base: image({ layers: [base], names: ["base:1"], config: { history: [step("base")] } }),
  app: image({
    layers: [base, top],
    names: ["app:1", "registry.example.com/team/app:2"],
    config: { history: [step("base"), step("top")] },
  }),
  update: image({ layers: [base, top, more], names: ["update:1"] }),
  repeated: image({ layers: [base, top, base, top], names: ["repeated:1"] }),
  other: image({ layers: [more], names: ["other:1"] }),
  bare: image({ layers: [], names: ["bare:1"], config: { history: [] } }),
} satisfies Record<string, Image>;

const OPTIONS = { format: "docker-archive", compression: "none", since: null, jobs: 2 } as const;

describe("save", () => {
  let work: Scratch;
  let root: string;

  before(async () => {
    work = scratch("save", 0);
    root = work.join("root");
    writeFileSync(work.join("all.tar"), archive(dockerArchive(Object.values(IMAGES))));
    const pulled = await pullFile(root, work.join("all.tar"));
    assert.ok(!(pulled instanceof OvlError), String(pulled));
  });
  after(() => {
    expectSound(root);
    work[Symbol.dispose]();
  });

  async function saved(
    names: readonly string[],
    options: Partial<SaveOptions> & { output: string },
  ): Promise<SaveResult> {
    await using store = await openStore({ root, driver: null });
    return await save(store, names, { ...OPTIONS, ...options });
  }
  const refused = (names: readonly string[], options: Partial<SaveOptions> & { output: string }) =>
    saved(names, options).then(
      () => assert.fail("it was saved"),
      (error: OvlError) => error,
    );
  /** Nothing is left of an archive that was not finished. */
  const leftovers = () => readdirSync(work.path).filter((name) => name.startsWith("."));

  it("writes the config and every layer as they were, and says which image they are", async () => {
    const result = await saved(["app:1"], { output: work.join("app.tar") });
    assert.deepEqual(result.images, [{ id: IMAGES.app.id, names: ["app:1"] }]);
    const members = unpack(work.join("app.tar"), work.join("app"));
    assert.deepEqual(members.slice(0, 5), ["manifest.json", "oci-layout", "index.json", "blobs/", "blobs/sha256/"]);
    const expected = [{ id: IMAGES.app.id, diffIds: IMAGES.app.diffIds }];
    assert.deepEqual(dockerImages(work.join("app")), expected);
    assert.deepEqual(ociImages(work.join("app")), expected, "it is an OCI archive as well");
  });

  for (const compression of ["none", "gzip", "zstd"] as const) {
    it(`writes an OCI archive with ${compression} layers`, async () => {
      const output = work.join(`${compression}.oci.tar`);
      await saved(["app:1", "repeated:1"], { output, format: "oci-archive", compression });
      const into = work.join(`${compression}.oci`);
      assert.ok(!unpack(output, into).includes("manifest.json"));
      const expected = [IMAGES.app, IMAGES.repeated].map(({ id, diffIds }) => ({ id, diffIds }));
      assert.deepEqual(ociImages(into), expected);
      const again = await pullFile(work.join(`${compression}-root`), output);
      assert.ok(!(again instanceof OvlError), String(again));
      assert.deepEqual(
        again.images.map(({ id, names }) => [id, names]),
        [
          [IMAGES.app.id, ["app:1"]],
          [IMAGES.repeated.id, ["repeated:1"]],
        ],
      );
    });
  }

  it("gives an image the names that it was asked for by, and none for an id", async () => {
    const output = work.join("names.tar");
    const asked = [
      "registry.example.com/team/app:2",
      "app:1",
      IMAGES.app.id,
      hex(IMAGES.base.id).slice(0, 20),
      "app:1",
    ];
    const { images } = await saved(asked, { output });
    assert.deepEqual(images, [
      { id: IMAGES.app.id, names: ["registry.example.com/team/app:2", "app:1"] },
      { id: IMAGES.base.id, names: [] },
    ]);
    unpack(output, work.join("names"));
    const items = readJson<ManifestItem[]>(work.join("names/manifest.json"));
    assert.deepEqual(
      items.map(({ RepoTags }) => RepoTags),
      [["registry.example.com/team/app:2", "app:1"], null],
    );
    const { manifests } = readJson<{ manifests: IndexEntry[] }>(work.join("names/index.json"));
    assert.deepEqual(
      manifests.map(({ annotations }) => annotations),
      [
        {
          "io.containerd.image.name": "registry.example.com/team/app:2",
          "org.opencontainers.image.ref.name": "2",
        },
        { "io.containerd.image.name": "docker.io/library/app:1", "org.opencontainers.image.ref.name": "1" },
        undefined,
      ],
    );
  });

  it("writes a layer once that several images have, or one image twice", async () => {
    const output = work.join("shared.tar");
    await saved(["repeated:1", "app:1", "base:1"], { output });
    const blobs = unpack(output, work.join("shared")).filter((path) => /blobs\/sha256\/./.test(path));
    const layers = new Set([...IMAGES.repeated.diffIds].map((diffId) => `blobs/sha256/${hex(diffId)}`));
    assert.deepEqual(
      blobs.filter((path) => layers.has(path)),
      [...layers],
    );
    assert.equal(blobs.length, 3 + 3 + 2, "three configs, three manifests, two layers");
    assert.deepEqual(
      dockerImages(work.join("shared")),
      [IMAGES.repeated, IMAGES.app, IMAGES.base].map(({ id, diffIds }) => ({ id, diffIds })),
    );
  });

  it("writes the same bytes for the same images, whatever runs first", async () => {
    for (const options of [
      { format: "docker-archive", compression: "none" },
      { format: "oci-archive", compression: "gzip" },
      { format: "oci-archive", compression: "zstd" },
    ] as const) {
      const files = await Promise.all(
        [1, 2].map(async (jobs) => {
          const output = work.join(`same-${jobs}.tar`);
          await saved(["repeated:1", "update:1"], { output, jobs, ...options });
          return readFileSync(output);
        }),
      );
      for (const bytes of files) assert.ok(bytes.equals(files[0] as Buffer), options.format);
    }
  });

  it("writes the same bytes into a pipe or a device as into a file", async () => {
    const [file, pipe] = [work.join("file.tar"), work.join("pipe")];
    await saved(["update:1"], { output: file });
    const { spawn, spawnSync } = await import("node:child_process");
    spawnSync("mkfifo", [pipe]);
    const reader = spawn("cat", [pipe]);
    const chunks: Buffer[] = [];
    reader.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    const ended = new Promise((resolve) => reader.on("close", resolve));
    await saved(["update:1"], { output: pipe });
    await ended;
    assert.ok(Buffer.concat(chunks).equals(readFileSync(file)));
  });

  it("replaces a file, and what a symlink leads to, but only when it is done", async () => {
    mkdirSync(work.join("target"));
    writeFileSync(work.join("target/old.tar"), "old");
    symlinkSync("target/old.tar", work.join("link.tar"));
    const { file } = await saved(["app:1"], { output: work.join("link.tar") });
    assert.equal(file, work.join("target/old.tar"));
    assert.ok(readFileSync(work.join("target/old.tar")).length > 300_000);
    assert.deepEqual(readdirSync(work.join("target")), ["old.tar"]);
  });

  it("notes the parent that is in the archive too, where docker would take it for one", async () => {
    {
      await using store = await openStore({ root, driver: null }, "write");
      store.images.setParent(IMAGES.app.id as never, IMAGES.base.id as never);
      store.images.setParent(IMAGES.update.id as never, IMAGES.base.id as never);
    }
    await using store = await openStore({ root, driver: null });
    const parents = (names: string[]) => planSave(store, names, null).images.map(({ parent }) => parent);
    assert.deepEqual(parents(["app:1", "base:1"]), [IMAGES.base.id, null]);
    assert.deepEqual(parents(["app:1"]), [null], "it is not in the archive");
    assert.deepEqual(parents(["update:1", "base:1"]), [null, null], "its history is not one step longer");
  });

  it("saves an image without layers", async () => {
    await saved(["bare:1"], { output: work.join("bare.tar") });
    unpack(work.join("bare.tar"), work.join("bare"));
    assert.deepEqual(dockerImages(work.join("bare")), [{ id: IMAGES.bare.id, diffIds: [] }]);
  });

  describe("--since", () => {
    const baseChain = chainIds(IMAGES.app.diffIds).at(-1) as string;

    it("leaves out the layers of the base and says which ChainID is needed", async () => {
      const output = work.join("thin.tar");
      const { warnings } = await saved(["update:1"], { output, since: "app:1" });
      assert.deepEqual(warnings, []);
      const members = unpack(output, work.join("thin"));
      const blob = (digest: string) => `blobs/sha256/${hex(digest)}`;
      const [, , moreId] = IMAGES.update.diffIds as [string, string, string];
      assert.deepEqual(members, ["manifest.json", "blobs/", "blobs/sha256/", blob(IMAGES.update.id), blob(moreId)]);
      const [item] = readJson<ManifestItem[]>(work.join("thin/manifest.json"));
      assert.equal(item?.BaseChainID, baseChain);
      assert.deepEqual(item?.Layers, IMAGES.update.diffIds.map(blob), "all of them are listed: dockerd counts them");
    });

    it("is pulled where the base is, and elsewhere names the ChainID that is missing", async () => {
      const [elsewhere, thin] = [work.join("elsewhere"), work.join("thin.tar")];
      const without = await pullFile(elsewhere, thin);
      assert.ok(without instanceof OvlError);
      assert.equal(without.code, "NOT_FOUND");
      assert.equal(without.fields["chainId"], baseChain);
      assert.match(without.message, new RegExp(baseChain));
      expectSound(elsewhere);
      await saved(["app:1"], { output: work.join("app-alone.tar") });
      assert.ok(!((await pullFile(elsewhere, work.join("app-alone.tar"))) instanceof OvlError));
      const pulled = await pullFile(elsewhere, thin);
      assert.ok(!(pulled instanceof OvlError), String(pulled));
      assert.deepEqual(
        pulled.images.map(({ id }) => id),
        [IMAGES.update.id],
      );
      expectSound(elsewhere);
    });

    it("needs nothing where the layers of the base come again further up", async () => {
      const { warnings } = await saved(["repeated:1"], { output: work.join("upper.tar"), since: "app:1" });
      assert.deepEqual(warnings, []);
      unpack(work.join("upper.tar"), work.join("upper"));
      const [item] = readJson<ManifestItem[]>(work.join("upper/manifest.json"));
      assert.equal(item?.BaseChainID, undefined, "every layer is there for its upper place");
      assert.deepEqual(ociImages(work.join("upper")), [{ id: IMAGES.repeated.id, diffIds: IMAGES.repeated.diffIds }]);
    });

    it("warns and saves all of an image that shares nothing with the base", async () => {
      const { warnings } = await saved(["other:1"], { output: work.join("full.tar"), since: "base:1" });
      assert.match(warnings[0]?.message ?? "", /other:1 shares no layer with base:1/);
      unpack(work.join("full.tar"), work.join("full"));
      assert.deepEqual(ociImages(work.join("full")), [{ id: IMAGES.other.id, diffIds: IMAGES.other.diffIds }]);
    });
  });

  describe("to a directory", () => {
    const OCI = { format: "oci", compression: "gzip" } as const;

    it("makes a layout", async () => {
      const { file } = await saved(["app:1"], { output: work.join("layout"), ...OCI });
      assert.equal(file, work.join("layout"));
      assert.deepEqual(readdirSync(file).sort(), ["blobs", "index.json", "oci-layout"]);
      assert.deepEqual(ociImages(file), [{ id: IMAGES.app.id, diffIds: IMAGES.app.diffIds }]);
    });

    it("makes it in an empty directory, which stays what it was", async () => {
      const path = work.join("given");
      mkdirSync(path, { mode: 0o700 });
      const { ino, mode } = statSync(path);
      await saved(["app:1"], { output: path, ...OCI });
      assert.deepEqual(readdirSync(path).sort(), ["blobs", "index.json", "oci-layout"]);
      assert.deepEqual([statSync(path).ino, statSync(path).mode], [ino, mode]);
    });

    it("leaves an empty directory empty, and a layout as it was, where it fails at the end", async () => {
      for (const before of [[], ["oci-layout"]]) {
        const path = work.join("unlucky");
        mkdirSync(path);
        for (const name of before) writeFileSync(join(path, name), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
        {
          using directory = new LayoutDirectory(path);
          const [first, second] = ["0", "1"].map((digit) => `blobs/sha256/${digit.repeat(64)}`) as [string, string];
          for (const blob of [first, second]) directory.document({ path: blob, bytes: Buffer.from("x") });
          rmSync(join(path, readdirSync(path).find((name) => name.startsWith(".")) ?? "", second));
          assert.throws(() => directory.commit([]), OvlError);
          assert.ok(existsSync(join(path, first)), "it had begun");
        }
        assert.deepEqual(readdirSync(path), before);
        rmSync(path, { recursive: true });
      }
    });

    it("adds to a layout that is there, replacing what has the same name", async () => {
      const path = work.join("grown");
      mkdirSync(path);
      await saved(["app:1", "base:1"], { output: path, ...OCI });
      const index = readJson<{ manifests: { annotations: object }[] }>(path, "index.json");
      const foreign = { mediaType: "x", digest: `sha256:${"0".repeat(64)}`, size: 1, annotations: { mine: "kept" } };
      writeFileSync(join(path, "index.json"), JSON.stringify({ ...index, manifests: [foreign, ...index.manifests] }));
      await saved(["update:1", "base:1"], { output: path, ...OCI });
      const { manifests } = readJson<{ manifests: IndexEntry[] }>(path, "index.json");
      const names = manifests.map(
        ({ annotations }) => annotations?.["io.containerd.image.name"] ?? annotations?.["mine"],
      );
      assert.deepEqual(names, [
        "kept",
        "docker.io/library/app:1",
        "docker.io/library/update:1",
        "docker.io/library/base:1",
      ]);
      assert.deepEqual(readdirSync(path).sort(), ["blobs", "index.json", "oci-layout"]);
    });

    it("refuses a layout whose index is no file to be read, or too large for one", async () => {
      const path = work.join("endless");
      await saved(["app:1"], { output: path, ...OCI });
      const index = join(path, "index.json");
      truncateSync(index, 2 ** 33);
      await assert.rejects(saved(["base:1"], { output: path, ...OCI }), { code: "BAD_MANIFEST" });
      rmSync(index);
      symlinkSync("/dev/zero", index);
      await assert.rejects(saved(["base:1"], { output: path, ...OCI }), { code: "BAD_MANIFEST" });
    });

    it("refuses a directory of something else, and a file", async () => {
      mkdirSync(work.join("home"));
      writeFileSync(work.join("home/letter"), "dear");
      for (const output of [work.join("home"), work.join("home/letter")]) {
        assert.equal((await refused(["app:1"], { output, ...OCI })).code, "USAGE");
      }
      assert.deepEqual(readdirSync(work.join("home")), ["letter"]);
    });
  });

  describe("of a damaged layer", () => {
    const contentOf = async (diffId: string) => {
      await using store = await openStore({ root, driver: null });
      const layer = store.layers.get(diffId as never);
      assert.ok(layer);
      return { content: store.driver.contentDir(layer.cacheId), split: store.layers.tarSplitPath(layer.chainId) };
    };
    const baseId = IMAGES.base.diffIds[0] as string;

    const FORMATS = [
      { output: "damaged.tar" },
      { output: "damaged.tar", format: "oci-archive", compression: "gzip" },
      { output: "damaged", format: "oci", compression: "none" },
    ] as const;

    async function whileDamaged(
      path: string,
      damage: () => void,
      check: (error: OvlError) => void,
      formats: readonly (typeof FORMATS)[number][] = FORMATS.slice(0, 1),
    ): Promise<void> {
      const before = readFileSync(path);
      damage();
      try {
        for (const options of formats) {
          const output = work.join(options.output);
          check(await refused(["update:1"], { ...options, output }));
          assert.ok(!existsSync(output), "no output remains");
          assert.deepEqual(leftovers(), []);
        }
      } finally {
        writeFileSync(path, before);
      }
    }

    it("names the file whose content was changed, in every format", async () => {
      const path = join((await contentOf(baseId)).content, "etc/passwd");
      const check = (error: OvlError) => {
        assert.equal(error.code, "DIGEST_MISMATCH");
        assert.equal(error.fields["path"], path);
      };
      await whileDamaged(path, () => writeFileSync(path, "toor:x:0:0\n"), check, FORMATS);
    });

    it("names the file that is longer or shorter than it was", async () => {
      const path = join((await contentOf(baseId)).content, "bin/hello");
      for (const size of [299_999, 5_000_000]) {
        await whileDamaged(
          path,
          () => writeFileSync(path, Buffer.alloc(size, 7)),
          (error) => assert.equal(error.fields["path"], path),
        );
      }
    });

    it("names the file that is missing", async () => {
      const path = join((await contentOf(baseId)).content, "etc/passwd");
      await whileDamaged(
        path,
        () => rmSync(path),
        (error) => {
          assert.equal(error.code, "BAD_ROOT");
          assert.equal(error.fields["path"], path);
        },
      );
    });

    it("names the file that something else replaced", async () => {
      const { content } = await contentOf(baseId);
      const path = join(content, "etc/passwd");
      const etc = join(content, "etc");
      const replacements: (() => void)[] = [
        () => symlinkSync("/etc/passwd", path),
        () => symlinkSync("passwd", path),
        () => mkdirSync(path),
        () => {
          rmSync(etc, { recursive: true });
          writeFileSync(etc, "");
        },
      ];
      for (const replace of replacements) {
        renameSync(etc, work.join("etc"));
        cpSync(work.join("etc"), etc, { recursive: true, preserveTimestamps: true });
        rmSync(path);
        replace();
        const error = await refused(["update:1"], { output: work.join("replaced.tar") });
        rmSync(etc, { recursive: true });
        renameSync(work.join("etc"), etc);
        assert.deepEqual([error.code, error.exit, error.fields["path"]], ["BAD_ROOT", 4, path], error.message);
        assert.match(error.message, /found no regular file/);
      }
    });

    it("names the layer whose directory is missing, or something else", async () => {
      const { content } = await contentOf(baseId);
      const replacements: [replace: () => void, message: RegExp][] = [
        [() => {}, /is missing/],
        [() => writeFileSync(content, ""), /is missing/],
        [() => symlinkSync(work.join("diff"), content), /is a symbolic link/],
      ];
      for (const [replace, message] of replacements) {
        renameSync(content, work.join("diff"));
        replace();
        const error = await refused(["update:1"], { output: work.join("without.tar") });
        rmSync(content, { force: true });
        renameSync(work.join("diff"), content);
        assert.deepEqual([error.code, error.fields["path"]], ["BAD_ROOT", content]);
        assert.match(error.message, message);
        assert.match(error.message, new RegExp(`^layer ${baseId} .*; ovl verify says more$`));
      }
    });

    it("names a tar-split that is damaged or missing", async () => {
      const { split } = await contentOf(baseId);
      for (const damage of [() => writeFileSync(split, "junk"), () => rmSync(split)]) {
        await whileDamaged(split, damage, (error) => {
          assert.equal(error.code, "BAD_ROOT");
          assert.match(error.message, new RegExp(split));
        });
      }
    });

    it("refuses an archive whose layer is longer or shorter than its header says", async () => {
      const { split } = await contentOf(baseId);
      const text = gunzipSync(readFileSync(split)).toString("latin1");
      for (const size of ["9000", "1", "4611686018427387904"]) {
        const damage = () => writeFileSync(split, gzipSync(text.replace('"size":300000', `"size":${size}`)));
        await whileDamaged(split, damage, (error) => {
          assert.equal(error.code, "BAD_ROOT");
          assert.match(error.message, new RegExp(`${hex(baseId)}.* expected \\d+ bytes .* found ${base.length};`));
        });
      }
    });

    it("leaves an older archive as it was", async () => {
      const path = join((await contentOf(baseId)).content, "etc/passwd");
      const before = readFileSync(path);
      writeFileSync(work.join("kept.tar"), "kept");
      writeFileSync(path, "changed");
      await refused(["update:1"], { output: work.join("kept.tar") });
      writeFileSync(path, before);
      assert.equal(readFileSync(work.join("kept.tar"), "utf8"), "kept");
    });
  });

  it("stops when it is told to, and leaves nothing", async () => {
    const signal = AbortSignal.abort(new OvlError("INTERRUPTED", "stopped"));
    const error = await refused(["update:1"], { output: work.join("stopped.tar"), signal });
    assert.equal(error.code, "INTERRUPTED");
    assert.ok(!existsSync(work.join("stopped.tar")));
    assert.deepEqual(leftovers(), []);
  });

  it("says what it cannot write to", async () => {
    assert.equal((await refused(["app:1"], { output: work.join("no/such/dir.tar") })).code, "NOT_FOUND");
    assert.equal((await refused(["app:1"], { output: work.path })).code, "USAGE");
    const full = await refused(["app:1"], { output: "/dev/full" });
    assert.equal(full.code, "NO_SPACE");
    assert.match(full.message, /write \/dev\/full/);
    assert.equal((await refused(["nothing:1"], { output: work.join("x.tar") })).code, "NOT_FOUND");
  });
});

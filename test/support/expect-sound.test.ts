/** The judge is judged: each single corruption of a sound root must be seen. */
import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Layer } from "../../src/store/layerdb.js";
import { openStore } from "../../src/store/store.js";
import { addImage } from "../store/build.js";
import { expectSound } from "./expect-sound.js";
import { type Scratch, scratch } from "./tmp.js";

/** Paths may hold CHAIN, CACHE, IMAGE and LINK, each of the top layer of the image. */
const CORRUPTIONS: Readonly<Record<string, (at: (path: string) => string) => void>> = {
  "a name for a missing image": (at) => rmSync(at("image/overlay2/imagedb/content/sha256/IMAGE")),
  "a changed config": (at) => appendFileSync(at("image/overlay2/imagedb/content/sha256/IMAGE"), " "),
  "a readable config": (at) => chmodSync(at("image/overlay2/imagedb/content/sha256/IMAGE"), 0o644),
  "an unsorted names file": (at) => appendFileSync(at("image/overlay2/repositories.json"), "\n"),
  "a missing layer": (at) => rmSync(at("image/overlay2/layerdb/sha256/CHAIN"), { recursive: true }),
  "a newline behind a DiffID": (at) => appendFileSync(at("image/overlay2/layerdb/sha256/CHAIN/diff"), "\n"),
  "another size": (at) => writeFileSync(at("image/overlay2/layerdb/sha256/CHAIN/size"), "99"),
  "a missing parent": (at) => rmSync(at("image/overlay2/layerdb/sha256/CHAIN/parent")),
  "a cut tar-split": (at) => truncateSync(at("image/overlay2/layerdb/sha256/CHAIN/tar-split.json.gz"), 12),
  "a layer under another name": (at) =>
    renameSync(at("image/overlay2/layerdb/sha256/CHAIN"), at(`image/overlay2/layerdb/sha256/${"0".repeat(64)}`)),
  "an extra layer": (at) =>
    cpSync(at("image/overlay2/layerdb/sha256/CHAIN"), at(`image/overlay2/layerdb/sha256/${"0".repeat(64)}`), {
      recursive: true,
    }),
  "a write-set": (at) => mkdirSync(at("image/overlay2/layerdb/tmp/write-set-1")),
  "a temporary file": (at) => writeFileSync(at("image/overlay2/.tmp-repositories.json1"), ""),
  "a missing directory": (at) => rmSync(at("overlay2/CACHE"), { recursive: true }),
  "a wide directory": (at) => chmodSync(at("overlay2/CACHE"), 0o755),
  "an orphan": (at) => mkdirSync(at("overlay2/orphan")),
  "a missing work": (at) => rmSync(at("overlay2/CACHE/work"), { recursive: true }),
  "a merged left behind": (at) => mkdirSync(at("overlay2/CACHE/merged")),
  "an empty link": (at) => truncateSync(at("overlay2/CACHE/link")),
  "a missing short name": (at) => rmSync(at("overlay2/l/LINK")),
  "a second short name": (at) => symlinkSync(readTarget(at), at("overlay2/l/ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
  "a wrong lower": (at) => appendFileSync(at("overlay2/CACHE/lower"), ":l/LINK"),
  "a file more": (at) => writeFileSync(at("overlay2/CACHE/diff/planted"), "x"),
  "another driver's directory": (at) => mkdirSync(at("overlay/x"), { recursive: true }),
  "a note about no image": (at) => mkdirSync(at(`image/overlay2/imagedb/metadata/sha256/${"0".repeat(64)}`)),
};

const readTarget = (at: (path: string) => string) => `../${at("CACHE").split("/").at(-1)}/diff`;

async function soundRoot(work: Scratch): Promise<(path: string) => string> {
  const root = work.join("root");
  await using store = await openStore({ root, driver: null }, "write");
  const { id, chain } = addImage(store, ["a", "b"], { names: ["x:1", "y:1"] });
  const top = store.layers.get(chain[1] as never) as Layer;
  const words: Record<string, string> = {
    CHAIN: top.chainId.slice(7),
    CACHE: top.cacheId,
    IMAGE: id.slice(7),
    LINK: store.driver.link(top.cacheId) as string,
  };
  return (path) =>
    join(
      root,
      path.replace(/CHAIN|CACHE|IMAGE|LINK/, (word) => words[word] as string),
    );
}

test("a root that was just written is sound", async () => {
  using work = scratch("sound", 0);
  expectSound((await soundRoot(work))(""));
});

for (const [what, corrupt] of Object.entries(CORRUPTIONS)) {
  test(`${what} is seen`, async () => {
    using work = scratch("sound", 0);
    const at = await soundRoot(work);
    corrupt(at);
    assert.throws(() => expectSound(at("")), { name: "AssertionError", message: /unsound root/ });
    assert.ok(readdirSync(at("")).length > 0 && readFileSync(at("image/overlay2/repositories.json")).length > 0);
  });
}

/**
 * Roots of which one document or more says something else: every question is answered or refused, nothing is changed.
 */
import assert from "node:assert/strict";
import { lstatSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { checkRoot } from "../../src/audit/fsck.js";
import { OvlError } from "../../src/errors.js";
import { openStore, type Store } from "../../src/store/store.js";
import { OF_CONTAINER, OF_IMAGE, OF_ONE, WHOLE } from "../audit/answers.js";
import { pathsIn, restore, traces } from "../audit/mutate.js";
import { APP, buildRoot } from "../audit/root.js";
import { copyRoot } from "../support/copy-root.js";
import { sha256 } from "../support/image-builder.js";
import { damaged } from "./bytes.js";
import { damagedJson } from "./documents.js";
import { type Kind, refusalOfAsync } from "./kind.js";
import type { Random } from "./random.js";

let documents: readonly string[] = [];

export const rootKind: Kind = {
  async prepare({ kept }) {
    const sound = join(kept, "sound");
    await buildRoot(sound);
    copyRoot(sound, join(kept, "root"));
    documents = pathsIn(sound).filter((path) => lstatSync(join(sound, path)).isFile());
  },
  async run(random, place) {
    const [sound, root] = [join(place.kept, "sound"), join(place.kept, "root")];
    const changed = new Set(random.some(1, () => random.pick(documents)).concat(random.pick(documents)));
    const images = join(root, "image/overlay2/imagedb/content/sha256");
    const renamed: [string, string][] = [];
    for (const path of changed) {
      const bytes = damagedDocument(join(root, path), random);
      writeFileSync(join(root, path), bytes);
      // A config under its own digest is one that is believed.
      if (!join(root, path).startsWith(images) || random.once(4)) continue;
      const now = join(images, sha256(bytes).slice(7));
      renameSync(join(root, path), now);
      renamed.push([join(root, path), now]);
    }
    try {
      const before = traces(root);
      await refusalOfAsync(() => askEverything(root, random));
      assert.equal(traces(root), before, "a question changed the root");
    } finally {
      for (const [was, now] of renamed) renameSync(now, was);
      for (const path of changed) restore(sound, root, path);
    }
  },
};

async function askEverything(root: string, random: Random): Promise<void> {
  await using store = await openStore({ root, driver: null });
  const ask = async (question: (store: Store, target: string) => unknown, target = "") => {
    const answer = await refusalOfAsync(async () => question(store, target));
    if (!(answer instanceof OvlError)) JSON.stringify(answer);
  };
  for (const question of Object.values(WHOLE)) await ask(question);
  await ask((store) => checkRoot(store).findings);
  for (const question of Object.values(OF_ONE)) for (const target of [APP, "web"]) await ask(question, target);
  for (const question of Object.values(OF_IMAGE)) await ask(question, random.pick([APP, "child:1"]));
  for (const question of Object.values(OF_CONTAINER)) await ask(question, "web");
}

function damagedDocument(path: string, random: Random): Buffer {
  const bytes = readFileSync(path);
  if (path.endsWith(".gz")) {
    return random.once(3) ? damaged(bytes, random) : gzipSync(damaged(gunzipSync(bytes), random), { level: 1 });
  }
  if (random.once(6)) return damaged(bytes, random);
  try {
    const json: unknown = JSON.parse(bytes.toString("utf8"));
    return typeof json === "object" ? damagedJson(json, random) : damaged(bytes, random);
  } catch {
    return Buffer.from(bytes.toString("latin1").replace(/[^,:\n]+/, () => random.pick(WORDS)));
  }
}

/** For files of one word: ids, links, sizes. */
const WORDS = [
  "",
  "..",
  "../../etc",
  "/etc",
  "sha256:",
  "0",
  "-1",
  "9".repeat(30),
  "1e9",
  "\0",
  "\x1b[2J",
  "a".repeat(64),
  "A".repeat(26),
  "l/../../..",
  "x".repeat(70_000),
];

import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createContainer } from "../../src/container/create.js";
import { openStore } from "../../src/store/store.js";
import { rootWithImage, withName } from "../container/build.js";
import { expectSound } from "../support/expect-sound.js";
import { scratch } from "../support/tmp.js";
import { readTree } from "../support/tree.js";

const NOBODY = "0".repeat(64);

/** What a root may claim to be left over, though a listed container has it. */
const CLAIMS: Readonly<Record<string, (mount: string, tmp: string, id: string) => void>> = {
  "a container that was never finished": (mount, tmp, id) => copy(mount, join(tmp, `container-${id}`)),
  "a container on its way out": (mount, tmp, id) => copy(mount, join(tmp, `removed-${id}`)),
  "what another container left": (mount, tmp) => copy(mount, join(tmp, `container-${NOBODY}`)),
  "what a removed container left": (mount, tmp) => copy(mount, join(tmp, `removed-${NOBODY}`)),
  "the directory of a layer that was never finished": (mount, tmp) => {
    mkdirSync(join(tmp, "write-set-1"));
    copy(join(mount, "mount-id"), join(tmp, "write-set-1", "cache-id"));
  },
  "short names of a layer that was never finished": (_, tmp) => {
    mkdirSync(join(tmp, "write-set-1"));
    writeFileSync(join(tmp, "write-set-1", "cache-id"), "l");
  },
};

describe("the next writer takes nothing from a listed container, though the root calls it", () => {
  for (const [title, claim] of Object.entries(CLAIMS)) {
    it(title, async () => {
      using work = scratch("leftovers", 0);
      const root = work.join("root");
      const { id, layerDb } = await rootWithContainer();
      const before = readTree(root);
      claim(join(layerDb, "mounts", id), join(layerDb, "tmp"), id);
      await using _store = await openStore({ root, driver: null }, "write");
      const after = readTree(root);
      assert.deepEqual([...after.keys()], [...before.keys()]);
      assert.ok(existsSync(join(root, "containers", id, "config.v2.json")));
      expectSound(root);

      async function rootWithContainer() {
        await using store = await rootWithImage(work);
        const { id } = await createContainer(store, "app:1", withName("web"));
        return { id, layerDb: store.layers.path };
      }
    });
  }
});

function copy(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
}

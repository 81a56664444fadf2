/** Each inconsistency alone: exactly that one is found, and looking for it changes nothing. */
import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { checkRoot } from "../../src/audit/fsck.js";
import type { Finding } from "../../src/audit/fsck-finding.js";
import { openStore } from "../../src/store/store.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { DIRECTORY_FAULTS, FAULTS } from "./faults.js";
import { buildRoot, examine } from "./root.js";

let work: Scratch;
let sound: string;
before(async () => {
  work = scratch("fsck", 0);
  sound = work.join("sound");
  await buildRoot(sound);
});
after(() => work[Symbol.dispose]());

let copies = 0;
function copy(): string {
  const path = work.join(`copy-${copies++}`);
  cpSync(sound, path, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  return path;
}

async function findings(root: string): Promise<readonly Finding[]> {
  await using store = await openStore({ root, driver: null });
  return checkRoot(store).findings;
}

describe("fsck", () => {
  it("finds nothing wrong with a sound root", async () => {
    assert.deepEqual(await findings(sound), []);
  });

  it("finds nothing wrong with a container whose image was removed by force", async () => {
    const root = copy();
    const { content, names, metadata } = await examine(root);
    rmSync(content);
    rmSync(join(metadata, "parent"));
    const json = JSON.parse(readFileSync(names, "utf8")) as { Repositories: Record<string, unknown> };
    delete json.Repositories["fsck/app"];
    writeFileSync(names, JSON.stringify(json));
    assert.deepEqual(await findings(root), []);
  });

  for (const { class: id, title, code, inject } of [...FAULTS, ...DIRECTORY_FAULTS]) {
    it(`finds ${title} (${id}) as ${code}, and nothing else`, async () => {
      const root = copy();
      inject(await examine(root));
      const found = await findings(root);
      assert.deepEqual(
        found.map((one) => one.code),
        [code],
        found.map(({ message }) => message).join("\n"),
      );
    });
  }
});

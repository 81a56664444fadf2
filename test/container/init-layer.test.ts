/** The init layer of images that have something in its way, without a mount. The oracle compares it with dockerd's. */
import assert from "node:assert/strict";
import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createContainer } from "../../src/container/create.js";
import { resolveContainer } from "../../src/store/resolve-container.js";
import { openStore } from "../../src/store/store.js";
import { expectSound } from "../support/expect-sound.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";
import { addContentImage, type Content, withName } from "./build.js";

/** Path and what is there, of everything below a directory. */
function facts(dir: string, path = ""): string[] {
  return readdirSync(join(dir, path))
    .sort()
    .flatMap((name) => {
      const at = path === "" ? name : `${path}/${name}`;
      const stat = lstatSync(join(dir, at));
      const mode = (stat.mode & 0o7777).toString(8);
      if (stat.isDirectory()) return [`${at}/ ${mode}`, ...facts(dir, at)];
      if (stat.isSymbolicLink()) return [`${at} -> ${readlinkSync(join(dir, at))}`];
      return [`${at} ${stat.isFile() ? `${mode} ${stat.size}` : stat.isCharacterDevice() ? "whiteout" : "?"}`];
    });
}

async function initLayerOf(content: Content): Promise<string[]> {
  using work = scratch("init", 0);
  await using store = await openStore({ root: work.join("root"), driver: null }, "write");
  addContentImage(store, "x:1", content);
  await createContainer(store, "x:1", withName("xx"));
  const { mount } = resolveContainer(store, "xx");
  const found = facts(store.driver.contentDir(mount?.initId as NonNullable<typeof mount>["initId"] & string));
  expectSound(store.root);
  return found;
}

const FILES = ["etc/hostname 755 0", "etc/hosts 755 0", "etc/mtab -> /proc/mounts", "etc/resolv.conf 755 0"];

test("an image with nothing gets everything", async () => {
  assert.deepEqual(await initLayerOf({ file: "x" }), [
    ".dockerenv 755 0",
    "dev/ 755",
    "dev/console 755 0",
    "dev/pts/ 755",
    "dev/shm/ 755",
    "etc/ 755",
    ...FILES,
    "proc/ 755",
    "sys/ 755",
  ]);
});

test("directories stay what they are and are copied up with their modes; files give way to empty ones", async () => {
  const content = {
    dev: { dir: 0o711 },
    "dev/pts": { dir: 0o700 },
    etc: { dir: 0o2750 },
    "etc/hosts": "127.0.0.1 x",
    "etc/mtab": "not a link",
    "etc/hostname": { dir: 0o755 },
    proc: { dir: 0o555 },
    sys: { link: "proc" },
    ".dockerenv": "full",
  };
  const found = await initLayerOf(content);
  assert.deepEqual(found, [
    ".dockerenv 755 0",
    "dev/ 711",
    "dev/console 755 0",
    "dev/shm/ 755",
    "etc/ 2750",
    "etc/hosts 755 0",
    "etc/mtab -> /proc/mounts",
    "etc/resolv.conf 755 0",
    // Also a symlink to a directory gives way.
    "sys/ 755",
  ]);
});

test("a symlink in the place of /etc is replaced, and what it led to does not show", {
  skip: oracle("root"),
}, async () => {
  const found = await initLayerOf({ real: { dir: 0o755 }, "real/hosts": "x", etc: { link: "/real" }, dev: "a file" });
  assert.deepEqual(
    found.filter((line) => line.startsWith("etc") || line.startsWith("dev")),
    ["dev/ 755", "dev/console 755 0", "dev/pts/ 755", "dev/shm/ 755", "etc/ 755", ...FILES],
  );
});

test("an image that has all of it keeps an init layer with files only", async () => {
  const found = await initLayerOf({
    dev: { dir: 0o755 },
    "dev/pts": { dir: 0o755 },
    "dev/shm": { dir: 0o755 },
    etc: { dir: 0o755 },
    proc: { dir: 0o755 },
    sys: { dir: 0o755 },
  });
  assert.deepEqual(found, [".dockerenv 755 0", "dev/ 755", "dev/console 755 0", "etc/ 755", ...FILES]);
});

/** A root whose layers can be rebuilt: pulled from an archive, with everything that a layer may bring. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createContainer } from "../../src/container/create.js";
import { OvlError } from "../../src/errors.js";
import { openStore } from "../../src/store/store.js";
import { helloElf } from "../support/hello-elf.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { pullFile } from "../support/pull.js";
import { char, dir, fifo, file, hardlink, layer, opaque, symlink, whiteout } from "../support/tar-builder.js";
import type { Scratch } from "../support/tmp.js";
import { APP } from "./root.js";

const MTIME = 1_500_000_000;

/** A file that every layer has, named after its height. */
export function fileOf(height: number): string {
  return `d/f${height}`;
}

export interface DeepRoot {
  readonly path: string;
  /** The archive that it was pulled from. */
  readonly archive: string;
}

export async function deepRoot(work: Scratch): Promise<DeepRoot> {
  const tar = deepArchive(work);
  const path = work.join("sound");
  const pulled = await pullFile(path, tar);
  if (pulled instanceof OvlError) throw pulled;
  await using store = await openStore({ root: path, driver: null }, "write");
  const child = store.repositories.list().find(({ reference }) => reference.path === "library/other");
  const parent = store.repositories.list().find(({ reference }) => reference.path === "fsck/app");
  if (child === undefined || parent === undefined) throw new Error("not pulled");
  store.images.setParent(child.id, parent.id);
  store.images.setLastUpdated(child.id, "2026-11-23T06:19:21.81933007Z");
  const { id } = await createContainer(store, APP, {
    name: "web",
    command: [],
    env: [],
    workingDir: null,
    entrypoint: null,
    hostname: null,
    labels: new Map(),
  });
  const mountId = readFileSync(join(store.layers.path, "mounts", id, "mount-id"), "utf8");
  writeFileSync(join(path, "overlay2", mountId, "diff/written"), "by the container");
  return { path, archive: tar };
}

/** Two images as `docker save` has them: five layers, and the two lowest of them. */
export function deepArchive(work: Scratch): string {
  const layers = [0, 1, 2, 3, 4].map((height) =>
    layer(
      dir("d/", { mode: 0o755, mtime: MTIME }),
      file(fileOf(height), `content ${height} `.repeat(50), { mode: 0o640, uid: 7, gid: 8, mtime: MTIME }),
      file("d/set", "x", { mode: 0o4755, mtime: MTIME, xattrs: { "user.mark": Buffer.from([0, 255, height]) } }),
      file("empty", "", { mode: 0o600, mtime: MTIME }),
      dir("only/", { mode: 0o700, mtime: MTIME }),
      file("only/one", `the only file of layer ${height}`, { mtime: MTIME }),
      symlink("s", "d/set", { mtime: MTIME }),
      hardlink("d/hard", fileOf(height), { mode: 0o640, uid: 7, gid: 8, mtime: MTIME }),
      file(Buffer.from([0x64, 0x2f, 0xff]), "not UTF-8", { mtime: MTIME }),
      ...(height === 0 ? [file("hello", helloElf("hello\n"), { mode: 0o755 })] : []),
      ...(height === 2
        ? [dir("o/", { mtime: MTIME }), opaque("o"), file("o/x", "opaque"), char("device", 1, 3), fifo("pipe")]
        : []),
      ...(height === 2 ? [whiteout("d/f1"), file("implied/deep/file", "in directories that nobody named")] : []),
    ),
  );
  const tar = work.join("app.tar");
  const names = [APP, "fsck/app:2"];
  const app = image({ layers, names, config: { config: { Cmd: ["/bin/sh"] } } });
  const other = image({ layers: layers.slice(0, 2), names: ["other:1"] });
  writeFileSync(tar, archive(dockerArchive([app, other])));
  return tar;
}

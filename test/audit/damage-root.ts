/** A root with something of every kind in it that can be asked about, and what each of them stands on. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createContainer } from "../../src/container/create.js";
import { OvlError } from "../../src/errors.js";
import { type CacheId, type ChainId, hexOf, type ImageId } from "../../src/model/digest.js";
import { imageChain } from "../../src/store/chain.js";
import { openStore, type Store } from "../../src/store/store.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { pullFile } from "../support/pull.js";
import { dir, file, layer, opaque, symlink, whiteout } from "../support/tar-builder.js";
import type { Scratch } from "../support/tmp.js";

/** Two images on one base, one that shares nothing with them, and two containers. */
export async function damageRoot(root: string, work: Scratch): Promise<void> {
  const base = layer(dir("d/"), file("d/kept", "kept"), file("d/gone", "gone"), dir("o/"), file("o/below", "x"));
  const changes = [whiteout("d/gone"), file("d/new", "new"), symlink("s", "d/kept")];
  const top = layer(dir("o/"), opaque("o"), file("o/above", "above"), file("d/new", "new again"));
  const alone = layer(dir("d/"), file("d/kept", "alone"), dir("etc/"), file("etc/motd", "hello"));
  const images = [
    image({ layers: [base, layer(dir("d/"), ...changes), top], names: ["app:1"] }),
    image({ layers: [base, alone], names: ["other:1"] }),
    image({ layers: [alone], names: ["whole:1"] }),
  ];
  writeFileSync(work.join("images.tar"), archive(dockerArchive(images)));
  const pulled = await pullFile(root, work.join("images.tar"));
  if (pulled instanceof OvlError) throw pulled;
  await using store = await openStore({ root, driver: null }, "write");
  const nothing = { env: [], workingDir: null, entrypoint: null, hostname: null, labels: new Map<string, string>() };
  for (const [name, from] of [
    ["web", "app:1"],
    ["lone", "whole:1"],
  ] as const) {
    await createContainer(store, from, { name, command: ["/bin/sh"], ...nothing });
  }
  for (const { mount, name } of store.users.containers) {
    if (mount?.mountId != null) writeFileSync(join(store.driver.contentDir(mount.mountId), "written"), name);
  }
}

/** Something that can be asked about. Paths are relative to the root. */
export interface Subject {
  readonly kind: "image" | "container";
  readonly id: string;
  /** Without one of these it is not listed. */
  readonly listed: readonly string[];
  /** Everything that an answer about it comes from. */
  readonly whole: readonly string[];
}

const LAYERDB = "image/overlay2/layerdb";

export function subjectsOf(store: Store): Subject[] {
  const config = (id: ImageId) => `image/overlay2/imagedb/content/sha256/${hexOf(id)}`;
  const directory = (id: CacheId) => [`overlay2/${id}`, `overlay2/l/${store.driver.link(id)}`];
  const stack = (top: ChainId | null) => (top === null ? [] : (store.layers.stack(top) ?? []));
  const entries = (top: ChainId | null) => stack(top).map(({ chainId }) => `${LAYERDB}/sha256/${hexOf(chainId)}`);
  const directories = (top: ChainId | null) => stack(top).flatMap(({ cacheId }) => directory(cacheId));
  const images = store.images.ids().map((id): Subject => {
    const top = imageChain(store, id).layers.at(-1)?.chainId ?? null;
    const listed = [config(id), ...entries(top)];
    return { kind: "image", id, listed, whole: [...listed, ...directories(top)] };
  });
  const containers = store.users.containers.map(({ id, mount, imageId }): Subject => {
    const listed = [`containers/${id}/config.v2.json`, `${LAYERDB}/mounts/${id}`];
    const own = [mount?.mountId, mount?.initId].flatMap((one) => (one == null ? [] : directory(one)));
    const top = mount?.parent ?? null;
    const below = [...entries(top), ...directories(top), ...(imageId === null ? [] : [config(imageId)])];
    return { kind: "container", id, listed, whole: [...listed, ...own, ...below] };
  });
  return [...images, ...containers];
}

/** Whether one of the paths is the changed one, above it, or below it. */
export function touches(changed: string, paths: readonly string[]): boolean {
  return paths.some((path) => path === changed || path.startsWith(`${changed}/`) || changed.startsWith(`${path}/`));
}

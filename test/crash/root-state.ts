/**
 * What a root shows of itself: whether an interrupted command shows as done or as not begun, and what is left of it.
 */
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { damageOf } from "../../src/container/damage.js";
import { stateOf } from "../../src/container/state.js";
import type { CacheId } from "../../src/model/digest.js";
import { familiarString } from "../../src/model/reference.js";
import { anonymousVolumes } from "../../src/store/mounts.js";
import { openStore, type Store } from "../../src/store/store.js";
import { readCatalog } from "../../src/store/stored-image.js";

/** Images by id and containers by name, each with everything that is to be as before or as after. */
export type RootState = ReadonlyMap<string, string>;

/** @param files whether what is in containers counts */
export async function rootState(root: string, files = true): Promise<RootState> {
  const state = new Map<string, string>();
  if (!existsSync(join(root, "image", "overlay2"))) return state;
  await using store = await openStore({ root, driver: null });
  for (const { id, parent, layers } of readCatalog(store).images.values()) {
    const names = store.repositories.of(id).map(familiarString);
    const contents = layers.map((layer) => (layer === null ? null : contentOf(store, layer.cacheId)));
    state.set(`image ${id}`, JSON.stringify({ names, parent, contents }));
  }
  for (const container of store.users.containers) {
    // dockerd does not list what has no read-write layer.
    if (container.mount === null) continue;
    const { name, imageId, mount, config } = container;
    const content = files && mount.mountId !== null ? contentOf(store, mount.mountId) : null;
    const volumes = anonymousVolumes(config).map((volume) => digestOf(join(root, "volumes", volume)));
    const { status } = stateOf(container);
    const damage = damageOf(store, container)?.message ?? null;
    state.set(`container ${name}`, JSON.stringify({ imageId, status, content, volumes, damage }));
  }
  return state;
}

/**
 * What of a state is neither as before nor as after.
 * @param takesNames whether the command gives an image a name that another one has: the one comes by the renaming of
 * one file, the other goes by that of another, and in between the new image is there without that name
 */
export function between(before: RootState, found: RootState, after: RootState, takesNames: boolean): string[] {
  const keys = new Set([...before.keys(), ...found.keys(), ...after.keys()]);
  return [...keys].flatMap((key) => {
    const [was, is, willBe] = [before, found, after].map((state) => state.get(key) ?? "absent");
    if (is === was || is === willBe || (takesNames && lacksNames(is as string, willBe as string))) return [];
    return [`${key} is ${is}; before ${was}; after ${willBe}`];
  });
}

/** Whether an image is as it will be, without some of its names. */
function lacksNames(is: string, willBe: string): boolean {
  if (!is.startsWith("{") || !willBe.startsWith("{")) return false;
  const [some, all] = [is, willBe].map((text) => JSON.parse(text) as { names?: readonly string[] });
  const names = some?.names ?? [];
  return isDeepStrictEqual({ ...some, names: all?.names }, all) && names.every((name) => all?.names?.includes(name));
}

/**
 * When an image was last given a name, which like docker ovl notes after it; the empty mark of a layer that another one
 * was put on once, which stays when that one goes; the file that cp was writing in a container.
 */
const UNCOUNTED =
  /\/metadata\/sha256\/[0-9a-f]{64}\/lastUpdated$|\/overlay2\/[0-9a-f]{64}\/committed$|\/\.ovl-copy-[0-9a-f]+$/;

export interface Size {
  readonly entries: number;
  readonly blocks: number;
}

/**
 * How much a root holds. Directories of the store that are made when they are first needed count only with something
 * in them; what is empty in the driver's directory counts, since it is part of a layer or a leftover.
 */
export function sizeOf(root: string): Size {
  const home = join(root, "overlay2");
  const sum = (dir: string): Size => {
    let [entries, blocks] = [0, 0];
    for (const name of readdirSync(dir, { encoding: "buffer" })) {
      const path = join(dir, name.toString("latin1"));
      const stat = lstatSync(path);
      if (!stat.isDirectory()) {
        if (UNCOUNTED.test(path)) continue;
        entries += 1;
        blocks += stat.blocks;
        continue;
      }
      const inside = sum(path);
      entries += inside.entries > 0 || dir.startsWith(home) ? inside.entries + 1 : 0;
      blocks += inside.blocks;
    }
    return { entries, blocks };
  };
  return existsSync(root) ? sum(root) : { entries: 0, blocks: 0 };
}

function contentOf(store: Store, cacheId: CacheId): string {
  return digestOf(store.driver.contentDir(cacheId));
}

/** Of names, modes, targets and bytes, in a few characters. */
function digestOf(top: string): string {
  const hash = createHash("sha256");
  const walk = (path: string): void => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    hash.update(`${path.slice(top.length)} ${stat?.mode} ${stat?.uid} ${stat?.rdev}\0`);
    if (stat?.isDirectory()) for (const name of readdirSync(path).sort()) walk(join(path, name));
    else if (stat?.isSymbolicLink()) hash.update(readlinkSync(path));
    else if (stat?.isFile()) hash.update(readFileSync(path));
  };
  walk(top);
  return hash.digest("hex").slice(0, 12);
}

/** What keeps a container from being used: which of its parts is missing, what follows, and what to do. */
import { isDirectory } from "../driver/is-directory.js";
import { OvlError } from "../errors.js";
import type { CacheId } from "../model/digest.js";
import type { Container } from "../store/mounts.js";
import type { Store } from "../store/store.js";
import { labelOf } from "./label.js";

export interface Damage {
  /** The file or directory at fault. */
  readonly path: string;
  readonly message: string;
}

/** The first thing that keeps a container from being mounted; null where nothing does. */
export function damageOf(store: Store, { id, name, mount }: Container): Damage | null {
  const who = labelOf({ id, name });
  if (mount?.mountId === null || mount?.mountId === undefined) {
    const path = `${store.layers.path}/mounts/${id}`;
    return {
      path,
      message: `${who} has no read-write layer: ${path} is missing or names none, so dockerd does not list it; ovl fsck says what is left of it`,
    };
  }
  const { mountId, initId } = mount;
  const own = store.driver.contentDir(mountId);
  if (!store.driver.has(mountId)) {
    return {
      path: own,
      message: `${who} has lost its read-write layer: ${own} is missing, and with it everything that was written in the container; only "ovl rm ${name || id}" is left`,
    };
  }
  const init = initDamage(store, initId, who);
  if (init !== null) return init;
  try {
    for (const dir of store.driver.lowerDirs(mountId)) {
      if (isDirectory(dir)) continue;
      return { path: dir, message: `${who} stands on ${dir}, which is missing; "ovl fsck" says which image it was of` };
    }
    return null;
  } catch (thrown) {
    if (!(thrown instanceof OvlError) || thrown.code === "IO") throw thrown;
    const path = typeof thrown.fields["path"] === "string" ? thrown.fields["path"] : own;
    return { path, message: `${who} cannot be mounted: ${thrown.message}; "ovl fsck --repair" mends it` };
  }
}

/** Lost where somebody cleaned up `overlay2` by hand, or where a disk did. */
function initDamage(store: Store, initId: CacheId | null, who: string): Damage | null {
  if (initId === null || store.driver.has(initId)) return null;
  const path = store.driver.dir(initId);
  return {
    path,
    message: `${who} has lost its init layer: ${path}, which holds its mount points and lies between image and container, is missing, so that it can be neither started nor mounted; nothing of the container's own is lost, and "ovl fsck --repair" makes it again`,
  };
}

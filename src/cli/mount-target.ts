/** Which access to the root a mount needs, and what is mounted. */
import { accessSync, constants } from "node:fs";
import { resolve } from "node:path";
import type { Mounted } from "../container/mount.js";
import type { ListedMount } from "../container/mount-list.js";
import type { Place } from "../container/mount-point.js";
import type { Store } from "../store/store.js";

/** The answer of `ovl mount`. */
export type MountAnswer = Mounted | { readonly mounts: readonly ListedMount[] };

export interface Stores {
  reader(): Promise<Store>;
  writer(): Promise<Store>;
}

/**
 * A mount that only reads writes nothing to the root but its own mount point, and not even that where the root cannot
 * be written to, or is a live daemon's: then it needs no lock either.
 */
export async function mountTarget(
  { reader, writer }: Stores,
  target: string,
  dir: string | null,
  readOnly: boolean,
): Promise<Mounted> {
  const { mountContainer, mountImage } = await import("../container/mount.js");
  const { resolveTarget } = await import("../rootfs/layers.js");
  const mountIn = (store: Store, place: Place) => {
    const found = resolveTarget(store, target);
    const request = { dir: dir === null ? null : resolve(dir), readOnly, place };
    return found.kind === "container"
      ? mountContainer(store, found.container, request)
      : mountImage(store, found.id, request);
  };
  {
    await using store = await reader();
    const onlyReads = readOnly || resolveTarget(store, target).kind === "image";
    if (onlyReads && (dir !== null || !isWritable(store))) return await mountIn(store, "private");
  }
  await using store = await writer();
  return await mountIn(store, "merged");
}

function isWritable(store: Store): boolean {
  if (store.daemonRunning) return false;
  try {
    accessSync(store.driver.home, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

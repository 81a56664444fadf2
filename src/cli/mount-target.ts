/** Which access to the root a mount needs, and what is mounted. */
import { accessSync, constants } from "node:fs";
import { resolve } from "node:path";
import type { Mounted } from "../container/mount.js";
import type { ListedMount } from "../container/mount-list.js";
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
  const { findContainer } = await import("../container/resolve.js");
  const { resolveImage } = await import("../store/resolve.js");
  const given = dir === null ? null : resolve(dir);
  let writes: boolean;
  {
    await using store = await reader();
    const container = findContainer(store, target);
    const onlyReads = readOnly || container === null;
    writes = !onlyReads || (given === null && isWritable(store));
    if (!writes) {
      const request = { dir: given, readOnly: true, place: "private" } as const;
      if (container !== null) return await mountContainer(store, container, request);
      return await mountImage(store, resolveObject(store), request);
    }
  }
  await using store = await writer();
  const request = { dir: given, readOnly, place: "merged" } as const;
  const container = findContainer(store, target);
  if (container !== null) return await mountContainer(store, container, request);
  return await mountImage(store, resolveObject(store), request);

  function resolveObject(store: Store) {
    return resolveImage(store, target);
  }
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

/** What `ovl umount` is asked to unmount, and the access to the root that this needs. */
import { OvlError } from "../errors.js";
import type { Store } from "../store/store.js";
import type { Stores } from "./mount-target.js";

/** @returns the mount points, in the order in which they were unmounted */
export async function unmountTargets(
  { reader, writer }: Stores,
  targets: readonly string[],
  { all, detach }: { readonly all: boolean; readonly detach: boolean },
): Promise<string[]> {
  const { layerMounts } = await import("../driver/layer-mounts.js");
  const { mountsOf, unmountable, unmountAll } = await import("../container/umount.js");
  if (all && targets.length > 0) throw new OvlError("USAGE", "umount takes either --all or names, not both");
  if (!all && targets.length === 0) {
    throw new OvlError("USAGE", "umount takes a container, an image, a directory, or --all");
  }
  const mountsIn = (store: Store) =>
    all
      ? unmountable(store, layerMounts(store.driver))
      : targets.flatMap((target) => unmountable(store, mountsOf(store, target)));
  {
    await using store = await reader();
    const mounts = mountsIn(store);
    // What only reads and lies elsewhere leaves the root as it is: no lock, no daemon in the way.
    const inRoot = mounts.some(({ point, readOnly }) => !readOnly || point.startsWith(`${store.root}/`));
    if (!inRoot) return unmountAll(store, mounts, detach);
  }
  await using store = await writer();
  return unmountAll(store, mountsIn(store), detach);
}

/** Removing containers as `docker rm`: a container that runs or is mounted stays. */
import { layerMounts } from "../driver/layer-mounts.js";
import { asOvlError, joined, OvlError } from "../errors.js";
import type { JsonObject } from "../model/go-shape.js";
import { removeContainerFiles } from "../store/container-removal.js";
import { anonymousVolumes, type Container } from "../store/mounts.js";
import { resolveContainer } from "../store/resolve-container.js";
import type { Store } from "../store/store.js";
import { type UsedCacheIds, usedCacheIds } from "../store/used-directories.js";
import { labelOf } from "./label.js";
import { stopUse } from "./stop.js";

export interface RemoveContainersResult {
  /** Ids, in the order asked. */
  readonly removed: readonly string[];
  /** What could not be removed; the others are gone, as with docker. */
  readonly failures: readonly OvlError[];
}

/**
 * @param targets names, ids, beginnings of ids
 * @param options `force`: kill and unmount first what runs or is mounted; `volumes`: those without a name, too;
 * `dryRun`: only say what would go
 */
export async function removeContainers(
  store: Store,
  targets: readonly string[],
  options: { readonly force?: boolean; readonly volumes?: boolean; readonly dryRun?: boolean } = {},
): Promise<RemoveContainersResult> {
  const removed: string[] = [];
  let used: UsedCacheIds | null = null;
  const failures: OvlError[] = [];
  for (const target of targets) {
    try {
      const container = resolveContainer(store, target);
      if (removed.includes(container.id)) continue;
      if (options.force !== true) refuseUsed(store, container);
      else if (options.dryRun !== true) await stopUse(store, container);
      if (options.dryRun !== true) {
        used ??= usedCacheIds(store.layers.path);
        removeContainer(store, container, used, options.volumes ?? false);
      }
      removed.push(container.id);
    } catch (thrown) {
      const failure = asOvlError(thrown);
      if (failure.code === "INTERNAL") throw thrown;
      failures.push(failure);
    }
  }
  return { removed, failures };
}

/** Throws IN_USE for a container that somebody works in. */
function refuseUsed(store: Store, { id, name, running, mount }: Container): void {
  const who = labelOf({ id, name });
  if (running) {
    throw new OvlError("IN_USE", `${who} is running; stop it first, with the docker that runs it`, { container: id });
  }
  const mounted = layerMounts(store.driver).find(({ cacheId }) => cacheId === mount?.mountId);
  if (mounted === undefined) return;
  throw new OvlError("IN_USE", `${who} is mounted on ${mounted.point}; unmount it first: ovl umount ${name || id}`, {
    container: id,
    path: mounted.point,
  });
}

function removeContainer(store: Store, { id, config }: Container, used: UsedCacheIds, withVolumes: boolean): void {
  const { root, driver } = store;
  try {
    const volumes = withVolumes ? ownVolumes(store, id, config) : [];
    removeContainerFiles({ root, layerDb: store.layers.path, driver, used }, id, volumes);
    store.userRemoved(id);
  } catch (thrown) {
    store.usersChanged();
    throw thrown;
  }
}

/** Those that were made for the container, unless another one has taken them over (`--volumes-from`). */
function ownVolumes(store: Store, id: string, config: JsonObject): string[] {
  const others = store.users.containers.filter((container) => container.id !== id);
  const taken = new Set(others.flatMap((container) => anonymousVolumes(container.config)));
  return anonymousVolumes(config).filter((name) => !taken.has(name));
}

/** One error for all that could not be removed; what was removed stands in it, since it then is the whole answer. */
export function removalFailure({ removed, failures }: RemoveContainersResult): OvlError | null {
  return joined(failures, { removed });
}

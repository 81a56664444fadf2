/** Whose file systems `ovl diff` compares. */
import type { CacheId } from "../model/digest.js";
import { nameText } from "../rootfs/describe.js";
import { layersOf, resolveTarget, type UnionLayer } from "../rootfs/layers.js";
import { openUnion } from "../rootfs/open.js";
import type { UnionWarning } from "../rootfs/union.js";
import type { Container } from "../store/mounts.js";
import { resolveContainer } from "../store/resolve-container.js";
import type { Store } from "../store/store.js";
import { changesBetween } from "./changes.js";

export interface ChangeRecord {
  readonly kind: "A" | "C" | "D";
  readonly path: string;
}

export interface Changes {
  readonly changes: readonly ChangeRecord[];
  readonly warnings: readonly UnionWarning[];
}

/** Of a container against its image and init layer, as `docker diff`. Throws NOT_FOUND, AMBIGUOUS, BAD_ROOT. */
export function containerChanges(store: Store, text: string, signal: AbortSignal | undefined): Promise<Changes> {
  const container = resolveContainer(store, text);
  const layers = layersOf(store, { kind: "container", id: container.id, container });
  return compare(store, layersBelow(store, container, layers), layers, signal);
}

/** Of one image or container against another. Throws NOT_FOUND, AMBIGUOUS, BAD_ROOT. */
export function changesFrom(
  store: Store,
  before: string,
  after: string,
  signal: AbortSignal | undefined,
): Promise<Changes> {
  const [old, now] = [before, after].map((text) => layersOf(store, resolveTarget(store, text)));
  return compare(store, old ?? [], now ?? [], signal);
}

/** @param layers the container's, topmost first */
function layersBelow(store: Store, { mount }: Container, layers: readonly UnionLayer[]): readonly UnionLayer[] {
  const below = layers.slice(1);
  if (store.driver.name !== "overlay" || mount === null || mount.initId === null) return below;
  // The overlay driver has no third layer to mount: what the init layer had was copied into the container's.
  const cacheId: CacheId = mount.initId;
  return [{ index: 0, kind: "init", chainId: null, cacheId, dir: store.driver.contentDir(cacheId) }, ...below];
}

async function compare(
  store: Store,
  before: readonly UnionLayer[],
  after: readonly UnionLayer[],
  signal: AbortSignal | undefined,
): Promise<Changes> {
  // An image without layers is an empty file system; no union is made of none.
  using old = before.length === 0 ? null : openUnion(store, before);
  using now = openUnion(store, after);
  const changes = await changesBetween(old, now, signal);
  return {
    changes: changes.map(({ kind, path }) => ({ kind, path: nameText(path) })),
    warnings: [...(old?.warnings ?? []), ...now.warnings],
  };
}

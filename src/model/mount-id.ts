/** What the directories of a container's own layers are called: `<64 hex>`, and with `-init` that of its init layer. */
import type { CacheId } from "./digest.js";

const INIT = "-init";

export function isMountId(text: string): text is CacheId {
  return /^[0-9a-f]{64}(-init)?$/.test(text);
}

export function initOf(rw: CacheId): CacheId {
  return `${rw}${INIT}` as CacheId;
}

export function isInit(cacheId: CacheId): boolean {
  return cacheId.endsWith(INIT);
}

/** The read-write layer that an init layer is called after; null for what is no init layer. */
export function ownerOf(init: CacheId | null): CacheId | null {
  return init !== null && isInit(init) ? (init.slice(0, -INIT.length) as CacheId) : null;
}

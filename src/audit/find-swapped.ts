/**
 * Layers in each other's directories that stand on the same layers, with nothing on top: only their files tell. Put in
 * order by the headers of the wrong layer, both would be damaged for good.
 */
import { join } from "node:path";
import type { LayerPipeline } from "../layer/pipeline.js";
import type { CacheId, ChainId, DiffId } from "../model/digest.js";
import type { Store } from "../store/store.js";
import { provenDirectory } from "./find-directory.js";
import { MOST_PLACES } from "./fsck-doubts.js";
import { type Finding, finding } from "./fsck-finding.js";
import type { Picture } from "./fsck-picture.js";
import { push } from "./multimap.js";

interface Candidate {
  readonly chainId: ChainId;
  readonly diffId: DiffId;
  readonly cacheId: CacheId;
}

/** @param findings what is wrong with the files @returns by layer, in place of those */
export async function findSwapped(
  store: Store,
  pipeline: LayerPipeline,
  { driver, directories }: Picture,
  layers: readonly Candidate[],
  findings: readonly Finding[],
): Promise<Map<string, Finding>> {
  const swapped = new Map<string, Finding>();
  // Trees of the overlay driver hold what is below them, too.
  if (driver !== "overlay2") return swapped;
  const subjectsOf = (...codes: readonly string[]) =>
    new Set(findings.filter(({ code }) => codes.includes(code)).map(({ subject }) => subject));
  const damaged = subjectsOf("CONTENT_MISSING", "CONTENT_CHANGED");
  const odd = subjectsOf("CONTENT_MISSING", "CONTENT_CHANGED", "FILE_ADDED");
  const groups = new Map<string, Candidate[]>();
  for (const layer of layers) {
    if (odd.has(layer.chainId)) push(groups, directories.get(layer.cacheId)?.lowers.join(":") ?? "", layer);
  }
  for (const group of groups.values()) {
    if (group.length < 2 || group.length > MOST_PLACES || !group.some(({ chainId }) => damaged.has(chainId))) continue;
    for (const layer of group) {
      const { chainId, cacheId } = layer;
      const others = group.flatMap((other) => (other === layer ? [] : [other.cacheId]));
      const doubt = { ...layer, others, rivals: [], mustBeProven: true };
      const proven = await provenDirectory(store, pipeline, doubt, new Map());
      if (proven === null || proven === cacheId) continue;
      const path = join(store.layers.dir(chainId), "cache-id");
      swapped.set(
        chainId,
        finding("CACHE_ID_SHARED", {
          subject: chainId,
          path,
          detail: `found ${cacheId}, but the layer's files are in ${proven}`,
          steps: [{ do: "write", path, content: proven, mode: 0o644 }],
        }),
      );
    }
  }
  return swapped;
}

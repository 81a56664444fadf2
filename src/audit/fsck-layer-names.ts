/**
 * Layers whose entries in layerdb stand under each other's names. One wrong file gives a name that nobody knows, or
 * differs from what the layer has in that file alone; an entry that is another known layer's in both is that one's.
 */
import type { ChainId, DiffId } from "../model/digest.js";
import { chainIdOf } from "../model/digest.js";
import type { ImageRecord, LayerRecord } from "./fsck-picture.js";
import { push } from "./multimap.js";

/** What a layer's name follows from. */
export interface Claim {
  readonly parent: ChainId | null;
  readonly diffId: DiffId;
}

/** What the files of a layer's entry say; null where they do not. */
export function claimOf({ diff, parent }: LayerRecord): Claim | null {
  if (diff.state !== "valid") return null;
  if (parent.state === "absent") return { parent: null, diffId: diff.value };
  return parent.state === "valid" ? { parent: parent.value, diffId: diff.value } : null;
}

/** @param entries by the names of their directories @returns by the layers that they are of */
export function settleLayers(
  entries: ReadonlyMap<ChainId, LayerRecord>,
  images: Iterable<ImageRecord>,
): Map<ChainId, LayerRecord> {
  const known = new Map<ChainId, Claim>();
  for (const { chain, diffIds } of images) {
    chain.forEach((chainId, i) => {
      known.set(chainId, { parent: chain[i - 1] ?? null, diffId: diffIds[i] as DiffId });
    });
  }
  const claimed = new Map<ChainId, ChainId[]>();
  for (const [name, entry] of entries) {
    const claim = claimOf(entry);
    const own = known.get(name);
    const isOwn = own !== undefined && claim?.diffId === own.diffId && claim.parent === own.parent;
    const chainId = claim === null || isOwn ? name : chainIdOf(claim.parent, claim.diffId);
    push(claimed, chainId, name);
  }
  const settled = new Map(entries);
  const misplaced: LayerRecord[] = [];
  for (const [chainId, [name, second]] of claimed) {
    const entry = name === undefined || name === chainId || second !== undefined ? undefined : entries.get(name);
    const [own, others] = [known.get(name as ChainId), known.get(chainId)];
    if (entry === undefined || own === undefined || others === undefined) continue;
    if (own.parent === others.parent || own.diffId === others.diffId) continue;
    settled.delete(name as ChainId);
    misplaced.push({ ...entry, chainId });
  }
  for (const entry of misplaced) settled.set(entry.chainId, entry);
  return settled;
}

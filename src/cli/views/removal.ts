/** What `ovl rmi` and `ovl prune` did: docker's lines for people, sorted by kind for programs. */
import { joined, type OvlError } from "../../errors.js";
import type { RemoveResult } from "../../store/remove.js";
import { humanSize } from "../units.js";

export interface Removed {
  readonly untagged: readonly string[];
  readonly deleted: readonly string[];
  readonly reclaimedBytes: number;
}

export function removed({ records, reclaimedBytes }: RemoveResult): Removed {
  return {
    untagged: records.flatMap((record) => (record.kind === "untagged" ? [record.name] : [])),
    deleted: records.flatMap((record) => (record.kind === "deleted" ? [record.id] : [])),
    reclaimedBytes,
  };
}

/** In the order in which it happened. */
export function removalText({ records }: RemoveResult): string {
  return records
    .map((record) => (record.kind === "untagged" ? `Untagged: ${record.name}` : `Deleted: ${record.id}`))
    .join("\n");
}

export function pruneText(result: RemoveResult): string {
  const total = `Total reclaimed space: ${humanSize(result.reclaimedBytes, 4)}`;
  return result.records.length === 0 ? total : `${removalText(result)}\n\n${total}`;
}

/** One error for all that could not be removed; what was removed stands in it, since it then is the whole answer. */
export function removalFailure(result: RemoveResult): OvlError | null {
  const { untagged, deleted } = removed(result);
  return joined(result.failures, { untagged, deleted });
}

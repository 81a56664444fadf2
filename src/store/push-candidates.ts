/** Which blobs a registry may have of a layer, best guesses first. The order is dockerd's. */
import { fullName, type Reference } from "../model/reference.js";
import { type AccountKey, isOf } from "./account.js";
import type { BlobRecord } from "./distribution.js";

export interface Candidates {
  /** Noted for the very repository. */
  readonly here: readonly BlobRecord[];
  /** Noted for another repository of the registry, which the blob could be taken over from. */
  readonly mountable: readonly BlobRecord[];
  /** Noted for other places, by digests that are not among those before: the same blob may be here, too. */
  readonly others: readonly BlobRecord[];
}

/** Requests for a blob that may be in vain; dockerd makes as many for a big layer. */
const MAX_CHECKS = 3;
const MAX_MOUNTS = 4;

/** @param records oldest first, as they are stored */
export function candidatesOf(records: readonly BlobRecord[], target: Reference, account: AccountKey): Candidates {
  const repository = fullName(target);
  const best = [...records].reverse().sort(byLikeness(repository, account));
  const here = unique(best.filter((record) => record.repository === repository)).slice(0, MAX_CHECKS);
  const mountable = best.filter((record) => isElsewhereIn(target, record.repository)).slice(0, MAX_MOUNTS);
  const asked = new Set([...here, ...mountable].map(({ digest }) => digest));
  const others = unique(best.filter(({ digest }) => !asked.has(digest))).slice(0, MAX_CHECKS - here.length);
  return { here, mountable, others };
}

function isElsewhereIn(target: Reference, repository: string): boolean {
  return repository.startsWith(`${target.domain}/`) && repository !== fullName(target);
}

/**
 * Noted under the same account first, then those with the most leading parts of the name in common, then the newest.
 */
function byLikeness(repository: string, account: AccountKey): (a: BlobRecord, b: BlobRecord) => number {
  const rank = new Map<BlobRecord, number>();
  const rankOf = (record: BlobRecord) => {
    // More than any name has parts.
    const known = rank.get(record) ?? (isOf(account, record) ? 1000 : 0) + commonParts(record.repository, repository);
    rank.set(record, known);
    return known;
  };
  return (a, b) => rankOf(b) - rankOf(a);
}

function commonParts(a: string, b: string): number {
  const others = b.split("/");
  const parts = a.split("/");
  const differs = parts.findIndex((part, i) => part !== others[i]);
  return differs < 0 ? parts.length : differs;
}

/** The first of each digest. */
function unique(records: readonly BlobRecord[]): BlobRecord[] {
  return records.filter(({ digest }, i) => records.findIndex((other) => other.digest === digest) === i);
}

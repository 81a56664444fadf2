/** What fsck answers: findings as anybody may read them. */

import type { FsckCounts } from "./fsck.js";
import { FSCK_CODES, type FsckCode, type Severity } from "./fsck-codes.js";
import type { Finding } from "./fsck-finding.js";

export interface FsckProblem {
  readonly code: FsckCode;
  readonly severity: Severity;
  /** The layer, image or container, else the path. */
  readonly subject: string;
  /** Absolute. */
  readonly path: string;
  readonly message: string;
  /** On disk, of what a repair would free; else 0. */
  readonly bytes: number;
  /** What `--repair` would do; null where it would do nothing. */
  readonly repair: string | null;
  readonly repaired: boolean;
}

export interface FsckReport {
  /** Nothing is wrong, or nothing any more. */
  readonly ok: boolean;
  readonly checked: FsckCounts;
  readonly problems: readonly FsckProblem[];
}

export function fsckReport(
  checked: FsckCounts,
  remaining: readonly Finding[],
  repaired: readonly Finding[] = [],
): FsckReport {
  const problems = [...repaired.map((one) => problem(one, true)), ...remaining.map((one) => problem(one, false))];
  return { ok: remaining.length === 0, checked, problems };
}

function problem({ steps, restore, ...finding }: Finding, repaired: boolean): FsckProblem {
  const { code, severity, subject, path, message, bytes } = finding;
  const repair = steps.length > 0 || restore !== null ? FSCK_CODES[code].repair : null;
  return { code, severity, subject, path, message, bytes, repair, repaired };
}

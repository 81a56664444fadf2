/**
 * Mending what can be mended without loss. What is found is mended in rounds, since one repair may uncover another,
 * until a round finds nothing that was not tried before. The root is locked by the caller.
 */
import { asOvlError, type OvlError } from "../errors.js";
import { throwIfAborted } from "../layer/abort.js";
import type { LayerPipeline } from "../layer/pipeline.js";
import type { SourceImage } from "../source/source.js";
import type { Store } from "../store/store.js";
import type { Proofs } from "./find-directory.js";
import type { FsckResult } from "./fsck.js";
import type { Finding } from "./fsck-finding.js";
import { SourceRestorer } from "./repair-source.js";
import { doStep } from "./repair-steps.js";

export interface RepairRun {
  /** The root as it is now: read afresh each time. */
  readonly open: () => Promise<Store>;
  readonly pipeline: LayerPipeline;
  readonly check: (store: Store) => Promise<FsckResult>;
  /** What only a source can mend. */
  readonly images: readonly SourceImage[];
  readonly signal?: AbortSignal | undefined;
}

export interface RepairResult {
  readonly repaired: readonly Finding[];
  /** What is left when nothing more can be done. */
  readonly remaining: FsckResult;
  /** Why repairs that were tried did not work. */
  readonly failures: readonly OvlError[];
}

/** No damage that was ever seen takes more than three. */
const MAX_ROUNDS = 8;

/** A repair that fails does not end the others. Throws an interruption, and what is no failure of one repair. */
export async function repairRoot(run: RepairRun): Promise<RepairResult> {
  const repaired: Finding[] = [];
  const failures: OvlError[] = [];
  const tried = new Set<string>();
  for (let round = 0; ; round++) {
    await using store = await run.open();
    const result = await run.check(store);
    const todo = result.findings.filter((finding) => !tried.has(keyOf(finding)));
    if (todo.length === 0 || round === MAX_ROUNDS) {
      const left = new Set(result.findings.map(keyOf));
      return { repaired: repaired.filter((finding) => !left.has(keyOf(finding))), remaining: result, failures };
    }
    await using restorer = new SourceRestorer(store, result, run.pipeline, run.images);
    const proofs: Proofs = new Map();
    for (const finding of todo) {
      throwIfAborted(run.signal);
      tried.add(keyOf(finding));
      try {
        for (const step of finding.steps) await doStep(store, run.pipeline, step, proofs);
        const restored = await restorer.restore(finding);
        if (finding.steps.length > 0 || restored) repaired.push(finding);
      } catch (thrown) {
        failures.push(tolerable(thrown));
      }
    }
  }
}

function keyOf({ code, path, subject, steps }: Finding): string {
  return JSON.stringify([code, path, subject, steps]);
}

/** Why this one repair did not work. An interruption, and what nobody has foreseen, ends them all. */
function tolerable(thrown: unknown): OvlError {
  const error = asOvlError(thrown);
  if (error.exit <= 7) return error;
  throw error;
}

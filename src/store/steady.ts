/**
 * Answers about a root that others may be writing to. Readers take no lock and wait for nobody, so they may meet an
 * image whose name is read and whose config has gone since: what looks damaged is looked at again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openStore, type StoreOptions } from "./store.js";
import type { StoreWarning } from "./warning.js";

/** Milliseconds between two looks. */
const PAUSE = 50;
/** A removal that takes longer than all looks together is taken for damage. */
const LOOKS = 10;

/** The first answer without warnings, or one whose warnings stay while nobody writes. */
export async function steady<T extends { readonly warnings: readonly StoreWarning[] }>(
  options: StoreOptions,
  ask: (store: Awaited<ReturnType<typeof openStore>>) => T,
): Promise<T> {
  let known: string | null = null;
  for (let looks = 1; ; looks++) {
    await using store = await openStore(options);
    const answer = ask(store);
    const warnings = JSON.stringify(answer.warnings);
    const isSure = warnings === known && !store.isBeingWritten;
    if (answer.warnings.length === 0 || isSure || looks === LOOKS) return answer;
    known = warnings;
    await sleep(PAUSE);
  }
}

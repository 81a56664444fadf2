/** One `ovl fsck`: looking, or looking and mending under the root's lock. */
import type { OvlError } from "../errors.js";
import { lockRoot } from "../store/lock.js";
import { openStore, type Store, type StoreOptions } from "../store/store.js";
import { checkRoot, type FsckResult } from "./fsck.js";
import type { FsckReport } from "./fsck-report.js";
import { fsckReport } from "./fsck-report.js";
import { repairRoot } from "./repair.js";

export interface FsckOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Nothing is written. Throws PERMISSION where something may not be read. */
export async function fsck(store: Store, _options: FsckOptions): Promise<FsckReport> {
  const { checked, findings } = await check(store);
  return fsckReport(checked, findings);
}

/**
 * Throws LOCKED, DAEMON_RUNNING, NOT_FOUND, and what keeps it from going on; what was mended until then stays mended.
 */
export async function fsckRepair(
  root: StoreOptions,
  options: FsckOptions,
): Promise<{ readonly report: FsckReport; readonly failures: readonly OvlError[] }> {
  const open = () => openStore({ ...root, mustExist: true });
  // Before the lock, which is on the root itself.
  await open();
  using _lock = await lockRoot(root.root, { force: root.force ?? false, signal: options.signal });
  const { repaired, remaining, failures } = await repairRoot({
    open,
    check,
    restore: async () => false,
    signal: options.signal,
  });
  return { report: fsckReport(remaining.checked, remaining.findings, repaired), failures };
}

async function check(store: Store): Promise<FsckResult> {
  return checkRoot(store);
}

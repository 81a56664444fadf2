/** What the flags of `ovl fsck` ask for, done. */
import { availableParallelism } from "node:os";
import type { FsckReport } from "../audit/fsck-report.js";
import { fsck, fsckRepair } from "../audit/fsck-run.js";
import { OvlError } from "../errors.js";
import type { LayerProgress } from "../layer/progress.js";
import type { Store } from "../store/store.js";

export interface FsckFlags {
  readonly deep: boolean;
  readonly repair: boolean;
  readonly source?: readonly string[] | undefined;
  readonly "dry-run": boolean;
  readonly jobs?: number | undefined;
  readonly force: boolean;
}

/** Throws USAGE for flags that mean nothing without --repair, and what keeps it from knowing. */
export async function runFsck(
  open: () => Promise<Store>,
  flags: FsckFlags,
  run: { readonly progress: LayerProgress; readonly signal: AbortSignal },
): Promise<{ readonly report: FsckReport; readonly failures: readonly OvlError[] }> {
  for (const flag of ["source", "dry-run"] as const) {
    const given = flag === "source" ? (flags.source ?? []).length > 0 : flags[flag];
    if (given && !flags.repair) throw new OvlError("USAGE", `--${flag} goes with --repair`);
  }
  const options = { deep: flags.deep, jobs: flags.jobs ?? availableParallelism(), ...run };
  await using store = await open();
  if (!flags.repair || flags["dry-run"]) return { report: await fsck(store, options), failures: [] };
  const root = { root: store.root, driver: store.driver.name, force: flags.force };
  return fsckRepair(root, options);
}

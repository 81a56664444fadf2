/** What the flags of `ovl fsck` ask for, done. */
import { availableParallelism } from "node:os";
import type { FsckReport } from "../audit/fsck-report.js";
import { fsck, fsckRepair } from "../audit/fsck-run.js";
import { OvlError } from "../errors.js";
import type { LayerProgress } from "../layer/progress.js";
import type { RegistryOptions } from "../source/registry/options.js";
import type { Store } from "../store/store.js";
import { maxLayerBytesOf } from "./flags.js";
import { openSources } from "./open-sources.js";

export interface FsckFlags {
  readonly deep: boolean;
  readonly repair: boolean;
  readonly source?: readonly string[] | undefined;
  readonly "dry-run": boolean;
  readonly jobs?: number | undefined;
  readonly force: boolean;
  readonly "max-layer-size"?: string | undefined;
}

/** Throws USAGE for flags that mean nothing without --repair, and what keeps it from knowing. */
export async function runFsck(
  open: () => Promise<Store>,
  flags: FsckFlags,
  run: { readonly progress: LayerProgress; readonly registry: RegistryOptions; readonly signal: AbortSignal },
): Promise<{ readonly report: FsckReport; readonly warnings: readonly { readonly message: string }[] }> {
  for (const flag of ["source", "dry-run"] as const) {
    const given = flag === "source" ? (flags.source ?? []).length > 0 : flags[flag];
    if (given && !flags.repair) throw new OvlError("USAGE", `--${flag} goes with --repair`);
  }
  const { progress, signal } = run;
  const maxLayerBytes = await maxLayerBytesOf(flags);
  const options = { deep: flags.deep, jobs: flags.jobs ?? availableParallelism(), maxLayerBytes, progress, signal };
  await using store = await open();
  if (!flags.repair || flags["dry-run"]) {
    const warnings: { message: string }[] = [];
    const report = await fsck(store, { ...options, onUnjudged: (message) => warnings.push({ message }) });
    return { report, warnings };
  }
  await using sources = await openSources(
    flags.source ?? [],
    { registry: run.registry, platform: null, maxLayerBytes },
    signal,
  );
  const root = { root: store.root, driver: store.driver.name, force: flags.force };
  const { report, failures } = await fsckRepair(root, { ...options, images: sources.images });
  return { report, warnings: failures };
}

/** One `ovl fsck`: looking, or looking and mending under the root's lock. */
import type { OvlError } from "../errors.js";
import { LayerPipeline } from "../layer/pipeline.js";
import type { LayerProgress } from "../layer/progress.js";
import type { SourceImage } from "../source/source.js";
import { lockRoot } from "../store/lock.js";
import { openStore, type Store, type StoreOptions } from "../store/store.js";
import { checkRoot, type FsckResult } from "./fsck.js";
import { checkContent } from "./fsck-content.js";
import { settled } from "./fsck-live.js";
import type { FsckReport } from "./fsck-report.js";
import { fsckReport } from "./fsck-report.js";
import { repairRoot } from "./repair.js";
import { workUnderWay } from "./under-way.js";

export interface FsckOptions {
  /** Read contents, too. */
  readonly deep: boolean;
  /** Layers at once. */
  readonly jobs: number;
  /** Bytes that a layer may unpack to. */
  readonly maxLayerBytes?: number | undefined;
  /** For a repair: where damaged layers and images come from again. */
  readonly images?: readonly SourceImage[];
  readonly signal?: AbortSignal | undefined;
  readonly progress?: LayerProgress | undefined;
  /** Told of what was not judged, and why. */
  readonly onUnjudged?: ((message: string) => void) | undefined;
}

/** Nothing is written. Throws PERMISSION where something may not be read. */
export async function fsck(store: Store, options: FsckOptions): Promise<FsckReport> {
  await using pipeline = new LayerPipeline(options);
  const { checked, findings, picture } = await settled(
    () => store.isBeingWritten,
    (moving) => check(store, pipeline, options, moving),
  );
  const work = workUnderWay(picture);
  if (work !== null) options.onUnjudged?.(unjudged(work));
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
  await open();
  using lock = await lockRoot(root.root, { force: root.force ?? false, signal: options.signal });
  await using pipeline = new LayerPipeline(options);
  const { repaired, remaining, failures } = await repairRoot({
    open,
    pipeline,
    check: (store) => check(store, pipeline, options, lock.daemonRuns),
    images: options.images ?? [],
    signal: options.signal,
  });
  return { report: fsckReport(remaining.checked, remaining.findings, repaired), failures };
}

function unjudged(path: string): string {
  return `somebody may be at work on this root (${path} has changed within the last hour): directories and layers that nothing refers to are not judged; ask again when that is done`;
}

async function check(
  store: Store,
  pipeline: LayerPipeline,
  options: FsckOptions,
  daemonRuns: boolean,
): Promise<FsckResult> {
  const result = checkRoot(store, daemonRuns);
  return options.deep ? checkContent(store, result, pipeline, options) : result;
}

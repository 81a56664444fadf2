/** `--deep`: every layer rebuilt bit for bit, and its directory compared with the headers that its tar had. */
import { join } from "node:path";
import { setImmediate as pause } from "node:timers/promises";
import { isAboutContent } from "../errors.js";
import { throwIfAborted } from "../layer/abort.js";
import type { LayerPipeline } from "../layer/pipeline.js";
import type { LayerProgress } from "../layer/progress.js";
import { displayName } from "../model/bytes.js";
import type { CacheId, ChainId, DiffId } from "../model/digest.js";
import { rebuildProblems } from "../store/rebuild.js";
import type { Store } from "../store/store.js";
import type { Problem } from "../store/verification.js";
import { isBuildKits } from "./buildkit.js";
import { compareWithHeaders, type Difference } from "./checks/tampering.js";
import { sizeInSplit, sizeOnDisk } from "./count-size.js";
import { findSwapped } from "./find-swapped.js";
import type { FsckResult } from "./fsck.js";
import type { FsckCode } from "./fsck-codes.js";
import { type Finding, finding } from "./fsck-finding.js";
import { depthOf } from "./fsck-places.js";
import { type LayerNodes, readLayerNodes, readTreeNodes } from "./layer-headers.js";

export interface DeepOptions {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: LayerProgress | undefined;
}

interface Target {
  readonly chainId: ChainId;
  readonly cacheId: CacheId;
  readonly diffId: DiffId;
  readonly size: number | null;
  readonly parent: ChainId | null;
  /** The directory of the layer below, where the driver's hold whole trees. */
  readonly below: CacheId | null;
}

/** Throws what keeps it from knowing: an I/O error, an interruption. */
export async function checkContent(
  store: Store,
  result: FsckResult,
  pipeline: LayerPipeline,
  options: DeepOptions,
): Promise<FsckResult> {
  const findings: Finding[] = [];
  let { files, bytes } = result.checked;
  const layers = targets(result);
  const rebuilt = layers.map((target) => ({ target, problems: rebuild(store, pipeline, target, options) }));
  // Awaited in order below: one that fails before its turn is not to end the process.
  for (const { problems } of rebuilt) problems.catch(() => {});
  const trees = new Trees();
  for (const { target, problems } of rebuilt) {
    const content = await problems;
    await pause();
    throwIfAborted(options.signal);
    const found = checkLayer(store, target, trees, content);
    // One by one: a call takes some 100,000 arguments.
    for (const one of found.findings) findings.push(one);
    files += found.files;
    bytes += found.bytes;
  }
  const swapped = await findSwapped(store, pipeline, result.picture, layers, findings);
  const own = findings.filter(({ subject }) => !swapped.has(subject));
  const all = [...result.findings, ...swapped.values(), ...own];
  return { ...result, findings: all, checked: { ...result.checked, files, bytes } };
}

/**
 * Layers whose directory and tar-split are there; of the others it is known already that they are not. What is in a
 * directory that may be another layer's is not to be mended by the headers of this one.
 */
function targets({ picture, relations }: FsckResult): Target[] {
  const found: Target[] = [];
  const doubts = relations.places.doubts();
  for (const { chainId, size, entries } of picture.layers.values()) {
    const truth = relations.truth.get(chainId);
    const cacheId = relations.places.of(chainId);
    const record = cacheId === null ? undefined : picture.directories.get(cacheId);
    const content = record?.entries.get(picture.driver === "overlay2" ? "diff" : "root");
    if (truth === undefined || cacheId === null || content?.kind !== "directory") continue;
    if (relations.places.lost.has(chainId) || doubts.has(chainId)) continue;
    if ((entries.get("tar-split.json.gz")?.size ?? 0) === 0) continue;
    const known = size.state === "valid" ? size.value : null;
    const { parent, diffId } = truth;
    const below = picture.driver === "overlay" && parent !== null ? relations.places.of(parent) : null;
    found.push({ chainId, cacheId, diffId, size: known, parent, below });
  }
  if (picture.driver === "overlay2") return found;
  // A tree is known by the one below it.
  const depth = new Map(found.map(({ chainId }) => [chainId, depthOf(chainId, relations.parentOf)]));
  return found.sort((a, b) => (depth.get(a.chainId) ?? 0) - (depth.get(b.chainId) ?? 0));
}

/** What the overlay driver's directories should hold: each the whole tree up to its layer. */
class Trees {
  readonly #known = new Map<ChainId, LayerNodes>();

  /** null where one below is not known. Layers below come first. */
  of(store: Store, { chainId, parent }: Target): LayerNodes | null {
    const below = parent === null ? null : this.#known.get(parent);
    if (below === undefined) return null;
    const nodes = readTreeNodes(store.layers.tarSplitPath(chainId), below);
    this.#known.set(chainId, nodes);
    return nodes;
  }
}

function rebuild(store: Store, pipeline: LayerPipeline, target: Target, { progress }: DeepOptions): Promise<Problem[]> {
  return rebuildProblems(store, { ...target, size: target.size ?? 0 }, pipeline, progress);
}

function checkLayer(store: Store, target: Target, trees: Trees, content: readonly Problem[]) {
  const { chainId, cacheId } = target;
  const tarSplit = store.layers.tarSplitPath(chainId);
  const dir = store.driver.contentDir(cacheId);
  const restore = { kind: "layer", chainId } as const;
  const none = { files: 0, bytes: 0 };
  const corrupt = content.find(({ subject }) => subject === tarSplit);
  if (corrupt !== undefined) {
    const found = finding("TAR_SPLIT_CORRUPT", { subject: chainId, path: tarSplit, detail: corrupt.message, restore });
    return { ...none, findings: [found] };
  }
  const { differences, files, bytes } = compare(store, target, trees, tarSplit, dir);
  const gone = differences.filter(({ code }) => code === "ENTRY_MISSING" || code === "TYPE_CHANGED");
  const places = new Set(gone.map(({ path }) => join(dir, displayName(path))));
  const damages = content
    .filter(({ subject }) => !isWithin(places, subject))
    .map((problem) => contentFinding(problem, chainId));
  const findings = [...damages, ...differences.map((difference) => differenceFinding(target, dir, difference))];
  if (findings.length === 0) findings.push(...checkSize(store, target, tarSplit, dir));
  return { files, bytes, findings };
}

/** Whether a path is one of the places, or below one. */
function isWithin(places: ReadonlySet<string>, path: string): boolean {
  for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
    if (places.has(path.slice(0, end))) return true;
  }
  return false;
}

function compare(store: Store, target: Target, trees: Trees, tarSplit: string, dir: string) {
  const { cacheId } = target;
  try {
    const nodes = store.driver.name === "overlay" ? trees.of(store, target) : readLayerNodes(tarSplit);
    // A tree that is not known, since one below it is damaged.
    if (nodes === null) return { differences: [], files: 0, bytes: 0 };
    let bytes = 0;
    for (const { size } of nodes.values()) bytes += size;
    const below = target.below === null ? null : store.driver.contentDir(target.below);
    const differences = compareWithHeaders(dir, nodes, { buildKit: isBuildKits(cacheId), below });
    return { differences, files: nodes.size, bytes };
  } catch (thrown) {
    // What is wrong with tar-split was found by rebuilding.
    if (isAboutContent(thrown)) {
      return { differences: [], files: 0, bytes: 0 };
    }
    throw thrown;
  }
}

function contentFinding({ code, subject: path, message }: Problem, chainId: ChainId): Finding {
  const codes: Partial<Record<Problem["code"], FsckCode>> = {
    NOT_FOUND: "CONTENT_MISSING",
    DIGEST_MISMATCH: "CONTENT_CHANGED",
    DIFF_ID_MISMATCH: "IRREPRODUCIBLE",
  };
  const found = codes[code] ?? "CONTENT_UNREADABLE";
  // From a source it would come as it did.
  const restore = found === "IRREPRODUCIBLE" ? null : ({ kind: "layer", chainId } as const);
  return finding(found, { subject: chainId, path, detail: message, restore });
}

function differenceFinding({ chainId, cacheId }: Target, dir: string, difference: Difference): Finding {
  const { code, path, detail, node } = difference;
  const mendable = node !== null && code !== "TYPE_CHANGED" && code !== "HARD_LINK_BROKEN" && node.names === 1;
  return finding(code, {
    subject: chainId,
    path: join(dir, displayName(path)),
    detail,
    steps: mendable ? [{ do: "mend-entry", cacheId, name: path, node }] : [],
    restore: code === "TYPE_CHANGED" || code === "ENTRY_MISSING" ? { kind: "layer", chainId } : null,
  });
}

function checkSize(store: Store, { chainId, cacheId, size }: Target, tarSplit: string, dir: string): Finding[] {
  if (size === null) return [];
  // Layers come from several writers, which count by two rules.
  const counts = [sizeOnDisk(dir), sizeInSplit(tarSplit)];
  if (store.driver.name === "overlay" ? counts[1] === size : counts.includes(size)) return [];
  return [
    finding("LAYER_SIZE_WRONG", {
      subject: chainId,
      path: join(store.layers.dir(chainId), "size"),
      detail: `expected ${counts[store.driver.name === "overlay" ? 1 : 0]}, found ${size}`,
      steps: [{ do: "count-size", chainId, cacheId }],
    }),
  ];
}

/** What each layer has to say about one path: who serves it, whose copies are hidden, and who deleted it. */

import { OvlError } from "../errors.js";
import { type ByteString, byteStringOf } from "../model/bytes.js";
import type { CacheId, ChainId } from "../model/digest.js";
import { modeText, nameText, timeText } from "./describe.js";
import { type Entry, type EntryType, shownPath } from "./entry.js";
import type { UnionLayer } from "./layers.js";
import type { Union } from "./union.js";

/**
 * `serves`: what the path names is in this layer; of a directory every layer that it is merged from. `hidden`: there,
 * and not to be seen. `whiteout`: deleted here, itself or a directory that it was in. `opaque`: not there, and what
 * lower layers have is hidden by an opaque directory above it, or by something else in the place of one. `absent`: the
 * layer says nothing about it.
 */
export type LayerState = "serves" | "hidden" | "whiteout" | "opaque" | "absent";

export interface WhichLayer {
  readonly index: number;
  readonly chainId: ChainId | null;
  readonly cacheId: CacheId;
  readonly state: LayerState;
  /** These four are those of what is there, or of what hides it; null where the layer says nothing. */
  readonly type: EntryType | null;
  readonly size: number | null;
  /** Octal. */
  readonly mode: string | null;
  /** RFC 3339. */
  readonly mtime: string | null;
}

export interface Which {
  /** Without the symlinks that led to it. */
  readonly path: string;
  readonly exists: boolean;
  /** The topmost layer that serves it: its attributes are those that show. */
  readonly servedBy: WhichLayer | null;
  /** Topmost first. */
  readonly layers: readonly WhichLayer[];
}

/**
 * @param layers those of the union, topmost first
 * @param openLayer the view of one layer as it is
 * @param path symlinks on the way to it are followed inside the union
 * Throws NOT_FOUND for what no layer says anything about.
 */
export function which(
  union: Union,
  layers: readonly UnionLayer[],
  openLayer: (layer: UnionLayer) => Union,
  path: string,
): Which {
  using found = union.locate(byteStringOf(path), "parents");
  const names = found.path.split("/").filter((name) => name !== "") as ByteString[];
  // What has been found from the top down: nothing, a directory that lower ones are merged into, or all there is.
  let sight: "nothing" | "directory" | "covered" = "nothing";
  const seen = layers.map((layer) => {
    using single = openLayer(layer);
    const trace = traceOf(single, names);
    if (trace.kind === "absent") return describe(layer, "absent", null);
    const serves =
      trace.kind === "present" && (sight === "nothing" || (sight === "directory" && trace.entry.type === "directory"));
    sight = trace.covers || sight === "covered" ? "covered" : "directory";
    return describe(layer, trace.kind !== "present" ? trace.kind : serves ? "serves" : "hidden", trace.entry);
  });
  const told = seen.map((one, i) => {
    const hides = seen.slice(i + 1).some(({ state }) => state === "hidden");
    return one.state !== "opaque" || hides ? one : describe(one, "absent", null);
  });
  if (told.every(({ state }) => state === "absent")) {
    throw new OvlError("NOT_FOUND", `no layer has ever had ${shownPath(found.path)}`, { path: shownPath(found.path) });
  }
  return {
    path: nameText(`/${found.path}` as ByteString),
    exists: found.entry !== null,
    servedBy: told.find(({ state }) => state === "serves") ?? null,
    layers: told,
  };
}

/** What one layer has at a path; `covers`: nothing of lower layers shows through. */
type Trace =
  | { readonly kind: "present" | "whiteout" | "opaque"; readonly entry: Entry; readonly covers: boolean }
  | { readonly kind: "absent" };

function traceOf(layer: Union, names: readonly ByteString[]): Trace {
  if (names.length === 0) return { kind: "present", entry: layer.rootEntry, covers: false };
  let directory = layer.root;
  let opaque: Entry | null = null;
  try {
    for (const [i, name] of names.entries()) {
      const entry = directory.get(name);
      if (entry === null) break;
      if (entry.type === "whiteout") return { kind: "whiteout", entry, covers: true };
      const isDirectory = entry.type === "directory";
      if (isDirectory && directory.marks(entry).opaque) opaque = entry;
      if (i === names.length - 1) return { kind: "present", entry, covers: !isDirectory || opaque !== null };
      if (!isDirectory) return { kind: "opaque", entry, covers: true };
      const inner = directory.enter(entry);
      if (directory !== layer.root) directory[Symbol.dispose]();
      directory = inner;
    }
  } finally {
    if (directory !== layer.root) directory[Symbol.dispose]();
  }
  return opaque === null ? { kind: "absent" } : { kind: "opaque", entry: opaque, covers: true };
}

function describe(
  { index, chainId, cacheId }: Pick<UnionLayer, "index" | "chainId" | "cacheId">,
  state: LayerState,
  entry: Entry | null,
): WhichLayer {
  return {
    index,
    chainId,
    cacheId,
    state,
    type: entry?.type ?? null,
    size: entry?.stat.size ?? null,
    mode: entry === null ? null : modeText(entry.stat),
    mtime: entry === null ? null : timeText(entry.stat.mtime),
  };
}

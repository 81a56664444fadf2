/** Bytes of an image that nobody sees: an upper layer has replaced, moved or deleted what a lower one still carries. */
import type { ListedEntry } from "../layer/job.js";
import type { ByteString } from "../model/bytes.js";
import { nameText } from "../rootfs/describe.js";
import { EfficiencyScore } from "./waste-score.js";
import { type Content, type Hidden, type LayerEffect, LayerTree } from "./waste-tree.js";

/**
 * What the upper layer did: `rewritten`: other content under the same path; `metadata`: the same content again, as
 * after a chown, chmod or touch; `moved`: deleted, and the same content added elsewhere; `deleted`.
 */
export type WasteKind = "rewritten" | "metadata" | "moved" | "deleted";

export interface WasteItem {
  readonly path: string;
  readonly kind: WasteKind;
  /** Of the hidden copies, as many as there are. */
  readonly bytes: number;
  /** Indexes of the layers that have a hidden copy, and of those that hid it; 0 is the bottom. */
  readonly layers: readonly number[];
}

export interface Waste {
  /** 0 to 1, as dive computes it. */
  readonly efficiency: number;
  /** What the image would be smaller by if its layers were one: the sum of the items. */
  readonly wastedBytes: number;
  /** Most bytes first. */
  readonly items: readonly WasteItem[];
}

/** @param layers bottom to top */
export function wasteOf(layers: readonly (readonly ListedEntry[])[]): Waste {
  const tree = new LayerTree();
  const score = new EfficiencyScore();
  const found = new Map<string, { path: ByteString; kind: WasteKind; bytes: number; layers: Set<number> }>();
  layers.forEach((entries, index) => {
    const effect = tree.apply(entries);
    score.add(entries, effect);
    const newContents = contentsOf(effect);
    for (const hidden of effect.hidden) {
      const { path, content } = hidden;
      // Hard links: the bytes are used as long as one of the names is.
      if (--content.names > 0 || content.size === 0) continue;
      const kind = kindOf(hidden, effect, newContents);
      const key = `${kind} ${path}`;
      const item = found.get(key) ?? { path, kind, bytes: 0, layers: new Set<number>() };
      item.bytes += content.size;
      item.layers.add(content.layer).add(index);
      found.set(key, item);
    }
  });
  const items = [...found.values()]
    .map(({ path, kind, bytes, layers }) => ({
      path: nameText(`/${path}` as ByteString),
      kind,
      bytes,
      layers: [...layers].sort((a, b) => a - b),
    }))
    .sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const wastedBytes = items.reduce((sum, { bytes }) => sum + bytes, 0);
  return { efficiency: score.value, wastedBytes, items };
}

function kindOf({ path, content }: Hidden, { added }: LayerEffect, newContents: ReadonlySet<string>): WasteKind {
  const replacement: Content | null | undefined = added.get(path);
  if (replacement !== undefined) return replacement?.key === content.key ? "metadata" : "rewritten";
  return newContents.has(content.key) ? "moved" : "deleted";
}

/** What the layer has at paths where the same was not before. */
function contentsOf({ added, hidden }: LayerEffect): Set<string> {
  const again = new Set(hidden.map(({ path, content }) => `${content.key} ${path}`));
  const keys = new Set<string>();
  for (const [path, content] of added) {
    if (content !== null && !again.has(`${content.key} ${path}`)) keys.add(content.key);
  }
  return keys;
}

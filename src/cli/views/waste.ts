/** `ovl waste` for people: what is carried and not seen, the largest first, and the score. */
import type { WasteItem } from "../../audit/waste.js";
import { byteStringOf, displayName } from "../../model/bytes.js";
import { type Column, table } from "../table.js";
import { humanSize } from "../units.js";
import type { WasteAnswer } from "../waste-target.js";

/** Items of a table that is not to be whole. */
const SHOWN = 20;

export function wasteText({ items, efficiency, wastedBytes }: WasteAnswer, { trunc }: { trunc: boolean }): string {
  const shown = trunc ? items.slice(0, SHOWN) : items;
  const columns: Column<WasteItem>[] = [
    { head: "WASTED", cell: ({ bytes }) => humanSize(bytes, 4) },
    { head: "KIND", cell: ({ kind }) => kind },
    { head: "LAYERS", cell: ({ layers }) => layers.join(",") },
    { head: "PATH", cell: ({ path }) => displayName(byteStringOf(path)) },
  ];
  const more = items.length - shown.length;
  const sums = kinds(items).map(([kind, bytes]) => `${humanSize(bytes, 4)} ${kind}`);
  return [
    ...(shown.length === 0 ? [] : [table(columns, shown)]),
    ...(more > 0 ? [`and ${more} more: --no-trunc shows them`] : []),
    `wasted: ${humanSize(wastedBytes, 4)}${sums.length === 0 ? "" : ` (${sums.join(", ")})`}`,
    `efficiency: ${(efficiency * 100).toFixed(2)}%`,
  ].join("\n");
}

function kinds(items: readonly WasteItem[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const { kind, bytes } of items) sums.set(kind, (sums.get(kind) ?? 0) + bytes);
  return [...sums].sort(([, a], [, b]) => b - a);
}

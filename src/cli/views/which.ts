/** `ovl which` for people: a sentence, and a row a layer from the top down. */
import { table } from "../table.js";
import { shortId } from "../units.js";
import { shown } from "./files.js";

/** What the view needs of a layer. */
export interface WhichRow {
  readonly index: number;
  readonly chainId: string | null;
  readonly cacheId: string;
  readonly state: string;
  readonly type: string | null;
  readonly size: number | null;
  readonly mode: string | null;
  readonly mtime: string | null;
}

export interface WhichAnswer {
  readonly path: string;
  readonly exists: boolean;
  readonly servedBy: WhichRow | null;
  readonly layers: readonly WhichRow[];
}

export function whichText(answer: WhichAnswer, options: { trunc: boolean }): string {
  return `${sentence(answer)}\n${layerTable(answer.layers, options)}`;
}

function sentence({ path, servedBy, layers }: WhichAnswer): string {
  if (servedBy !== null) return `${shown(path)} is served by layer ${servedBy.index}`;
  const remover = layers.find(({ state }) => state === "whiteout" || state === "opaque");
  return `${shown(path)} does not exist: deleted by layer ${remover?.index}`;
}

function layerTable(layers: readonly WhichRow[], { trunc }: { trunc: boolean }): string {
  const show = (id: string) => (trunc ? shortId(id) : id);
  return table<WhichRow>(
    [
      { head: "INDEX", cell: ({ index }) => String(index) },
      { head: "STATE", cell: ({ state }) => state },
      { head: "TYPE", cell: ({ type }) => type ?? "" },
      { head: "MODE", cell: ({ mode }) => mode ?? "" },
      { head: "SIZE", cell: ({ size }) => (size === null ? "" : String(size)) },
      { head: "MODIFIED", cell: ({ mtime }) => mtime?.slice(0, 19).replace("T", " ") ?? "" },
      { head: "CHAIN ID", cell: ({ chainId }) => (chainId === null ? "" : show(chainId)) },
      { head: "CACHE ID", cell: ({ cacheId }) => show(cacheId) },
    ],
    layers,
  );
}

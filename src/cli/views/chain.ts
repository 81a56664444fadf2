/** `ovl chain` for people: bottom to top, how each ChainID comes from the one below. */
import { table } from "../table.js";
import { humanSize, shortId } from "../units.js";

/** What the table needs of a layer. */
export interface ChainLayer {
  readonly index: number;
  readonly size: number | null;
  readonly diffId: string;
  readonly chainId: string;
  readonly cacheId: string | null;
}

export function chainTable(layers: readonly ChainLayer[], options: { trunc: boolean }): string {
  const show = (id: string) => (options.trunc ? shortId(id) : id);
  return table<ChainLayer>(
    [
      { head: "INDEX", cell: ({ index }) => String(index) },
      { head: "SIZE", cell: ({ size }) => (size === null ? "" : humanSize(size)) },
      { head: "DIFF ID", cell: ({ diffId }) => show(diffId) },
      { head: "CHAIN ID", cell: ({ chainId }) => show(chainId) },
      { head: "CACHE ID", cell: ({ cacheId }) => (cacheId === null ? "" : show(cacheId)) },
    ],
    layers,
  );
}

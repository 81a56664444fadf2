/** The names of what a layer brought, found without looking at all of them: any number of files may be damaged. */
import { type ByteString, displayName } from "../model/bytes.js";
import type { LayerNode, LayerNodes } from "./layer-headers.js";
import { push } from "./multimap.js";

export class NamesOfLayer {
  readonly #nodes: LayerNodes;
  readonly #shown = new Map<string, ByteString>();
  /** Of what has several names. */
  readonly #links = new Map<LayerNode, ByteString[]>();

  constructor(nodes: LayerNodes) {
    this.#nodes = nodes;
    for (const [name, node] of nodes) {
      const shown = displayName(name);
      if (!this.#shown.has(shown)) this.#shown.set(shown, name);
      if (node.names > 1) push(this.#links, node, name);
    }
  }

  /** All names of what a finding shows as that path of the layer; none where the layer did not bring it. */
  shownAs(path: string): readonly ByteString[] {
    const name = this.#shown.get(path);
    const node = name === undefined ? undefined : this.#nodes.get(name);
    if (name === undefined || node === undefined) return [];
    return this.#links.get(node) ?? [name];
  }
}

/** Progress for logs: a line for each finished step, and nothing that moves. */
import type { LayerEnd, LayerProgress } from "../../layer/progress.js";
import { humanSize, shortId } from "../units.js";

export class PlainDisplay implements LayerProgress, Disposable {
  readonly #stream: NodeJS.WritableStream;
  readonly #now: () => number;
  readonly #layers = new Map<string, { label: string; bytes: number; started: number | null; ended: boolean }>();
  #finished = 0;

  /** @param now milliseconds that only grow */
  constructor(stream: NodeJS.WritableStream, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
  }

  waiting(key: string, layer: { readonly label: string; readonly bytes: number }): void {
    if (!this.#layers.has(key)) this.#layers.set(key, { ...layer, started: null, ended: false });
  }

  working(key: string): void {
    const layer = this.#layers.get(key);
    if (layer !== undefined) layer.started ??= this.#now();
  }

  next(key: string, { bytes }: { readonly bytes: number }): void {
    const layer = this.#layers.get(key);
    if (layer !== undefined) layer.bytes = bytes;
  }

  finished(key: string, outcome: LayerEnd): void {
    const layer = this.#layers.get(key);
    if (layer === undefined || layer.ended) return;
    layer.ended = true;
    this.#finished += 1;
    const took = layer.started === null ? "" : ` in ${((this.#now() - layer.started) / 1000).toFixed(1)}s`;
    const count = `[${this.#finished}/${this.#layers.size}]`;
    this.#stream.write(`${count} ${shortId(layer.label)}: ${outcome}, ${humanSize(layer.bytes)}${took}\n`);
  }

  [Symbol.dispose](): void {}
}

/** Live bars on a terminal, one a layer, drawn in place; the last picture stays when the work ends. */
import type { LayerEnd, LayerProgress } from "../../layer/progress.js";
import { type BarLayer, type BarStyle, barLine, summaryLine } from "./bar-line.js";

/** Fast enough to look alive, slow enough that a slow terminal keeps up. */
const FRAME_MS = 100;
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
/** To the first column, then erase to the end of the screen. */
const ERASE_BELOW = "\r\x1b[J";

export class BarsDisplay implements LayerProgress, Disposable {
  readonly #stream: NodeJS.WriteStream;
  readonly #style: BarStyle;
  readonly #layers = new Map<string, BarLayer>();
  readonly #showCursor = () => this.#stream.write(SHOW_CURSOR);
  #timer: NodeJS.Timeout | null = null;
  #drawn = 0;

  constructor(stream: NodeJS.WriteStream, style: BarStyle) {
    this.#stream = stream;
    this.#style = style;
  }

  waiting(key: string, layer: { readonly label: string; readonly bytes: number }): void {
    if (this.#layers.has(key)) return;
    this.#layers.set(key, { ...layer, done: 0, state: "waiting", since: 0, rate: 0 });
    this.#start();
  }

  working(key: string, input: number): void {
    const layer = this.#layers.get(key);
    if (layer === undefined) return;
    const now = performance.now();
    if (layer.state === "waiting") {
      layer.state = "working";
      layer.since = now;
    }
    layer.done = input;
    // Of the whole time, not of the last moment: a number that can be read.
    layer.rate = now - layer.since < 250 ? 0 : (input * 1000) / (now - layer.since);
  }

  next(key: string, { verb, bytes }: { readonly verb: string; readonly bytes: number }): void {
    const layer = this.#layers.get(key);
    if (layer === undefined) return;
    Object.assign(layer, { verb, bytes, done: 0, state: "working", since: performance.now(), rate: 0 });
  }

  finished(key: string, outcome: LayerEnd): void {
    const layer = this.#layers.get(key);
    if (layer === undefined) return;
    layer.state = outcome;
    if (outcome !== "failed") layer.done = layer.bytes;
  }

  [Symbol.dispose](): void {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.#draw();
    this.#showCursor();
    process.off("exit", this.#showCursor);
  }

  #start(): void {
    if (this.#timer !== null) return;
    this.#stream.write(HIDE_CURSOR);
    // Also when a second SIGINT ends the process at once.
    process.on("exit", this.#showCursor);
    this.#timer = setInterval(() => this.#draw(), FRAME_MS);
    this.#timer.unref();
  }

  #draw(): void {
    const lines = this.#picture(this.#stream.columns || 80, this.#stream.rows || 24);
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : "";
    this.#stream.write(`${up}${ERASE_BELOW}${lines.map((line) => `${line}\n`).join("")}`);
    this.#drawn = lines.length;
  }

  /** What fits: a line that wraps, or one line too many, and going back up would miss the first. */
  #picture(columns: number, rows: number): string[] {
    const layers = [...this.#layers.values()];
    const room = Math.max(1, rows - 1);
    if (layers.length <= room) return layers.map((layer) => barLine(layer, columns, this.#style));
    const urgent = layers
      .filter((layer) => layer.state === "working" || layer.state === "failed")
      .concat(layers.filter((layer) => layer.state === "waiting"))
      .slice(0, room - 1);
    return [...urgent.map((layer) => barLine(layer, columns, this.#style)), summaryLine(layers, columns)];
  }
}

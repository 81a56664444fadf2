/** One layer's line: `8f3c2a1b9d0e extracting ━━━━━━━━━━────────  12.3MB/45.6MB 31.2MB/s`. */
import type { ChalkInstance } from "chalk";
import type { LayerEnd } from "../../layer/progress.js";
import { ellipsis } from "../cells.js";
import { humanSize, shortId } from "../units.js";

export interface BarLayer {
  /** Digest of the layer. */
  readonly label: string;
  /** Of the blob as stored. */
  bytes: number;
  done: number;
  state: "waiting" | "working" | LayerEnd;
  /** Milliseconds, when work on it began. */
  since: number;
  /** Bytes a second; 0 while unknown. */
  rate: number;
  /** What it is under way with, where that is not what the style says. */
  verb?: string;
}

export interface BarStyle {
  readonly color: ChalkInstance;
  readonly unicode: boolean;
  /** What a layer under way is called: `extracting`. At most ten letters. */
  readonly verb: string;
}

const STATE_WIDTH = "extracting".length;
const SIZES_WIDTH = "999MB/999MB".length;
const RATE_WIDTH = "999MB/s".length;
const MAX_BAR = 40;
const MIN_BAR = 8;

/** At most `columns - 1` cells wide: in the last column some terminals wrap. The bar shrinks first, then goes. */
export function barLine(layer: BarLayer, columns: number, style: BarStyle): string {
  const room = columns - 1;
  const id = shortId(layer.label);
  const word = layer.state === "working" ? (layer.verb ?? style.verb) : layer.state;
  const state = word.padEnd(STATE_WIDTH);
  const sizes = sizesOf(layer).padStart(SIZES_WIDTH);
  const rate = (layer.state === "working" && layer.rate > 0 ? `${humanSize(layer.rate)}/s` : "").padStart(RATE_WIDTH);
  const fixed = id.length + 1 + state.length + 2 + sizes.length + 1 + rate.length;
  const bar = Math.min(MAX_BAR, room - fixed - 1);
  if (bar >= MIN_BAR) {
    return `${id} ${paintState(layer, state, style)} ${drawBar(layer, bar, style)} ${sizes} ${rate}`.trimEnd();
  }
  return ellipsis(`${id} ${word} ${sizesOf(layer)}`, Math.max(1, room));
}

/** The line for the layers that have no room. */
export function summaryLine(layers: readonly BarLayer[], columns: number): string {
  const ended = layers.filter(({ state }) => state !== "waiting" && state !== "working").length;
  return ellipsis(`${ended} of ${layers.length} layers finished`, Math.max(1, columns - 1));
}

function sizesOf(layer: BarLayer): string {
  return layer.state === "working" ? `${humanSize(layer.done)}/${humanSize(layer.bytes)}` : humanSize(layer.bytes);
}

function drawBar(layer: BarLayer, width: number, { color, unicode }: BarStyle): string {
  if (["waiting", "exists", "mounted"].includes(layer.state)) return " ".repeat(width);
  const share = layer.bytes === 0 ? 1 : Math.min(1, layer.done / layer.bytes);
  const full = Math.floor(share * width);
  const [on, off] = unicode ? ["━", "─"] : ["=", "-"];
  const tint = layer.state === "failed" ? color.red : full === width ? color.green : color.cyan;
  return tint(on.repeat(full)) + color.dim(off.repeat(width - full));
}

function paintState(layer: BarLayer, text: string, { color }: BarStyle): string {
  switch (layer.state) {
    case "waiting":
    case "exists":
    case "mounted":
      return color.dim(text);
    case "working":
      return text;
    case "extracted":
    case "verified":
    case "saved":
    case "pushed":
      return color.green(text);
    case "failed":
      return color.red(text);
  }
}

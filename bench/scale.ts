/** How what is asked of a whole root grows with the root: three sizes, each four times the one before. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { median, timed } from "./measure.js";
import { fresh, OVL } from "./peers.js";
import { generateRoot, type RootSize } from "./root-generator.js";

/** Its name for `--only`. */
export const SCALE = "scale";

const SIZES: readonly RootSize[] = [
  { images: 62, layers: 625, containers: 62 },
  { images: 250, layers: 2500, containers: 250 },
  { images: 1000, layers: 10_000, containers: 1000 },
];

const QUICK_SIZES: readonly RootSize[] = [
  { images: 3, layers: 30, containers: 3 },
  { images: 6, layers: 60, containers: 6 },
  { images: 12, layers: 120, containers: 12 },
];

interface Question {
  readonly name: string;
  readonly argv: (root: string) => readonly string[];
  /** Whether everything of a root of that size is in the answer. */
  readonly isWhole: (stdout: string, size: RootSize) => boolean;
}

const QUESTIONS: readonly Question[] = [
  { name: "ovl images", argv: () => ["images"], isWhole: (stdout, { images }) => rows(stdout) === images },
  { name: "ovl ps -a", argv: () => ["ps", "-a"], isWhole: (stdout, { containers }) => rows(stdout) === containers },
  {
    name: "ovl owner DIR",
    argv: (root) => ["owner", join(root, "overlay2", containerLayer(root), "merged")],
    isWhole: (stdout) => stdout.includes("container"),
  },
  { name: "ovl du --metadata", argv: () => ["du", "--metadata"], isWhole: (stdout) => stdout.includes("total") },
  { name: "ovl fsck", argv: () => ["fsck"], isWhole: (stdout) => stdout.includes("no problems") },
];

export interface Measured {
  readonly name: string;
  readonly size: RootSize;
  readonly seconds: number;
  readonly peakMiB: number;
}

export async function measureScale(rounds: number, quick: boolean): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const size of quick ? QUICK_SIZES : SIZES) {
    const root = fresh("scale-root");
    await generateRoot(root, size);
    for (const question of QUESTIONS) measured.push(await ask(question, root, size, rounds));
    rmSync(root, { recursive: true });
  }
  return measured;
}

async function ask({ name, argv, isWhole }: Question, root: string, size: RootSize, rounds: number): Promise<Measured> {
  const runs = [];
  for (let round = 0; round < rounds; round++) {
    const run = await timed({ argv: [...OVL, ...argv(root), "--root", root] });
    if (!isWhole(run.stdout, size)) throw new Error(`${name} left something out: ${run.stdout.slice(0, 500)}`);
    runs.push(run);
  }
  const seconds = median(runs.map((run) => run.seconds));
  return { name, size, seconds, peakMiB: Math.max(...runs.map(({ peakMiB }) => peakMiB)) };
}

/** Growth is the time at the largest size by that at a quarter of it: 4 is linear, 16 quadratic. */
export function scaleTable(measured: readonly Measured[]): string {
  const counts = [...new Set(measured.map(({ size }) => size.layers))];
  const head = ["a large root", ...counts.flatMap((layers) => [`${thousands(layers)} layers`, "peak MiB"]), "growth"];
  const lines = [head.join(" | "), ["---", ...head.slice(1).map(() => "---:")].join(" | ")];
  for (const { name } of QUESTIONS) {
    const sizes = measured.filter((one) => one.name === name);
    const [, middle = 0, large = 0] = sizes.map(({ seconds }) => seconds);
    const cells = sizes.flatMap(({ seconds, peakMiB }) => [`${seconds.toFixed(2)} s`, String(peakMiB)]);
    lines.push([name, ...cells, (large / middle).toFixed(1)].join(" | "));
  }
  return `${lines.map((line) => `| ${line} |`).join("\n")}\n`;
}

/** Without the headings. */
function rows(stdout: string): number {
  return stdout.trimEnd().split("\n").length - 1;
}

function containerLayer(root: string): string {
  const init = readdirSync(join(root, "overlay2")).find((name) => name.endsWith("-init")) ?? "";
  return init.slice(0, -"-init".length);
}

function thousands(count: number): string {
  return count.toLocaleString("en-US");
}

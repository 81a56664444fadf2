/**
 * `npm run bench`: what ovl and its peers take for the same work, in turn, in one run. Figures are medians;
 * ratios are against a peer of the same run, so that they mean something on another machine.
 *
 *   npm run bench -- [--rounds N] [--only NAME] [--memory] [--json FILE]
 *   npm run bench -- --quick
 *
 * `--only` takes a part of a contest's name, or `scale`, `growth` or `memory`, which need no image and no peer.
 * `--quick` does all of it once, with little data: whether everything runs and does the same work, not how fast.
 */
import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { type Contest, type Contestant, contests } from "./contests.js";
import { GROWTH, growthTable, measureGrowth } from "./growth.js";
import { median, timed } from "./measure.js";
import { MEMORY, measureMemory, memoryTable } from "./memory.js";
import { cleanUp } from "./peers.js";
import { realImage, smallImage } from "./real-image.js";
import { measureScale, SCALE, scaleTable } from "./scale.js";

interface Result {
  readonly contest: string;
  readonly name: string;
  readonly seconds: number;
  readonly ratio: number | null;
  readonly peakMiB: number;
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    json: { type: "string" },
    memory: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
  },
});
const { quick, only } = values;
const rounds = quick ? 1 : Number(values.rounds);

/** What compares ovl with itself. */
const ALONE: Readonly<Record<string, () => Promise<Result[]>>> = {
  [SCALE]: async () => {
    const measured = await measureScale(rounds, quick);
    console.log(scaleTable(measured));
    return measured.map(({ name, size, ...figures }) => result(SCALE, `${name}, ${size.layers} layers`, figures));
  },
  [GROWTH]: async () => {
    const grown = await measureGrowth(rounds, quick);
    console.log(growthTable(grown));
    return grown.map(({ series, size, ...figures }) => result(GROWTH, `${series}: ${size}`, figures));
  },
  [MEMORY]: async () => {
    const peaks = await measureMemory(quick);
    console.log(memoryTable(peaks));
    return peaks.map(({ name, ...figures }) => result(MEMORY, name, figures));
  },
};

try {
  await main();
} finally {
  await cleanUp();
}

async function main(): Promise<void> {
  console.log(`${machine()}; roots in memory; medians of ${rounds} rounds\n`);
  const results: Result[] = [];
  if (only === undefined || !Object.hasOwn(ALONE, only)) results.push(...(await compare()));
  for (const [name, measure] of Object.entries(ALONE)) {
    const asked = only === undefined ? name !== MEMORY || quick : only === name;
    if (asked || (name === MEMORY && values.memory)) results.push(...(await measure()));
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
}

async function compare(): Promise<Result[]> {
  const image = quick ? smallImage() : realImage();
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  console.log(
    `an image of ${image.layers} layers, ${image.objects} files, ${megabytes(image.tarBytes)} of tar, ` +
      `${megabytes(image.blobBytes)} compressed\n`,
  );
  const results: Result[] = [];
  for (const contest of await contests(image)) {
    if (only !== undefined && !contest.name.includes(only)) continue;
    const found = await run(contest);
    console.log(table(contest, found));
    results.push(...found);
  }
  return results;
}

function result(contest: string, name: string, figures: { seconds: number; peakMiB: number }): Result {
  return { contest, name, ratio: null, ...figures };
}

function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}, Node ${process.version}`;
}

/** Every contestant once a round: what disturbs the machine disturbs all of them. */
async function run(contest: Contest): Promise<Result[]> {
  const present = contest.contestants.filter(({ available }) => available);
  const runs = new Map<Contestant, { seconds: number; peakMiB: number }[]>(present.map((one) => [one, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contestant of present) {
      const result = await timed(await contestant.prepare());
      await contestant.check(result.stdout);
      runs.get(contestant)?.push(result);
    }
  }
  const seconds = (contestant: Contestant) => median((runs.get(contestant) ?? []).map((one) => one.seconds));
  const base = present.find(({ name }) => name === contest.base);
  return present.map((contestant) => ({
    contest: contest.name,
    name: contestant.name,
    seconds: seconds(contestant),
    ratio: base === undefined ? null : seconds(contestant) / seconds(base),
    peakMiB: Math.max(...(runs.get(contestant) ?? []).map((one) => one.peakMiB)),
  }));
}

function table(contest: Contest, results: readonly Result[]): string {
  const head = [contest.name, "seconds", `/ ${contest.base}`, "peak MiB"];
  const rows = results.map(({ name, seconds, ratio, peakMiB }) => [
    name,
    seconds.toFixed(3),
    ratio?.toFixed(2) ?? "",
    // A client's memory says nothing about its daemon's.
    name.startsWith("docker") ? "" : String(peakMiB),
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => (row[i] ?? "").length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line), ""].join("\n");
}

/**
 * `npm run bench`: what ovl and its peers take for the same work, in turn, in one run. Figures are medians;
 * ratios are against a peer of the same run, so that they mean something on another machine.
 *
 *   npm run bench -- [--rounds N] [--only NAME] [--memory] [--json FILE]
 *
 * `--only scale` measures what is asked of a large root, which needs no image and no peer.
 */
import { rmSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { type Contest, type Contestant, contests } from "./contests.js";
import { median, timed } from "./measure.js";
import { memoryTable } from "./memory.js";
import { SCRATCH } from "./peers.js";
import { realImage } from "./real-image.js";
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
  },
});

try {
  await main();
} finally {
  rmSync(SCRATCH, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const results: Result[] = values.only === SCALE ? [] : await compare();
  if (values.only === undefined || values.only === SCALE) results.push(...(await scale()));
  if (values.memory) console.log(await memoryTable());
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
}

async function compare(): Promise<Result[]> {
  const image = realImage();
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  console.log(
    `${machine()}; image of ${image.layers} layers, ${image.objects} files, ${megabytes(image.tarBytes)} of tar, ` +
      `${megabytes(image.blobBytes)} compressed; roots in memory; medians of ${values.rounds} rounds\n`,
  );
  const results: Result[] = [];
  for (const contest of await contests(image)) {
    if (values.only !== undefined && !contest.name.includes(values.only)) continue;
    const found = await run(contest, Number(values.rounds));
    console.log(table(contest, found));
    results.push(...found);
  }
  return results;
}

async function scale(): Promise<Result[]> {
  console.log(`${machine()}; roots in memory; medians of ${values.rounds} rounds\n`);
  const measured = await measureScale(Number(values.rounds));
  console.log(scaleTable(measured));
  return measured.map(({ name, size, seconds, peakMiB }) => ({
    contest: SCALE,
    name: `${name}, ${size.layers} layers`,
    ...{ seconds, ratio: null, peakMiB },
  }));
}

function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}, Node ${process.version}`;
}

/** Every contestant once a round: what disturbs the machine disturbs all of them. */
async function run(contest: Contest, rounds: number): Promise<Result[]> {
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

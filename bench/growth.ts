/** How a pull grows with what it pulls: with the bytes of a layer and with its files, at three sizes each. */
import { join } from "node:path";
import { median, timed } from "./measure.js";
import { type LayerShape, objectsOf, oneLayerArchive } from "./one-layer.js";
import { expectSame, fresh, layerObjects, OVL, SCRATCH } from "./peers.js";

/** Its name for `--only`. */
export const GROWTH = "growth";

const MIB = 1 << 20;

interface Series {
  readonly name: string;
  readonly unit: string;
  readonly sizes: readonly number[];
  readonly shape: (size: number) => LayerShape;
}

function series(quick: boolean): readonly Series[] {
  const small = quick ? 64 : 1;
  return [
    {
      name: "bytes of a layer",
      unit: "MiB",
      sizes: [64, 256, 1024].map((size) => size / small),
      shape: (size) => ({ files: size, bytesPerFile: MIB, content: "text" }),
    },
    {
      name: "files of a layer",
      unit: "files",
      sizes: [5000, 20_000, 80_000].map((size) => Math.round(size / small)),
      shape: (size) => ({ files: size, bytesPerFile: 100, content: "text" }),
    },
  ];
}

export interface Grown {
  readonly series: string;
  readonly size: string;
  readonly seconds: number;
  readonly peakMiB: number;
}

export async function measureGrowth(rounds: number, quick: boolean): Promise<Grown[]> {
  const grown: Grown[] = [];
  for (const { name, unit, sizes, shape } of series(quick)) {
    for (const size of sizes) {
      const archive = await oneLayerArchive(fresh("growth"), shape(size));
      const runs = [];
      for (let round = 0; round < rounds; round++) {
        runs.push(await timed({ argv: [...OVL, "pull", archive, "--root", fresh("growth-root")] }));
        expectSame(`ovl pull, ${name}`, layerObjects(join(SCRATCH, "growth-root")), objectsOf(shape(size)));
      }
      grown.push({
        series: name,
        size: `${size.toLocaleString("en-US")} ${unit}`,
        seconds: median(runs.map(({ seconds }) => seconds)),
        peakMiB: Math.max(...runs.map(({ peakMiB }) => peakMiB)),
      });
    }
  }
  for (const name of ["growth", "growth-root"]) fresh(name);
  return grown;
}

/**
 * Growth is what the second step adds by what the first adds, so that the start of the process, the same at every
 * size, is in neither: 4 is linear, 16 quadratic.
 */
export function growthTable(grown: readonly Grown[]): string {
  const lines = ["| growth of ovl pull | seconds | peak MiB | growth |", "| --- | ---: | ---: | ---: |"];
  for (const [at, { series, size, seconds, peakMiB }] of grown.entries()) {
    const [small, middle] = [grown[at - 2], grown[at - 1]];
    const isLast = small?.series === series && middle !== undefined;
    const growth = isLast ? ((seconds - middle.seconds) / (middle.seconds - small.seconds)).toFixed(1) : "";
    lines.push(`| ${series}: ${size} | ${seconds.toFixed(2)} | ${peakMiB} | ${growth} |`);
  }
  return `${lines.join("\n")}\n`;
}

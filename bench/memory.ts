/** Peak memory where it could grow: one huge layer, and very many files in one layer. */
import { join } from "node:path";
import { timed } from "./measure.js";
import { type LayerShape, objectsOf, oneLayerArchive } from "./one-layer.js";
import { expectSame, freshOnDisk, layerObjects, OVL } from "./peers.js";

/** Its name for `--only`. */
export const MEMORY = "memory";

export interface Peak {
  readonly name: string;
  readonly seconds: number;
  readonly peakMiB: number;
}

function cases(quick: boolean): readonly (readonly [string, LayerShape])[] {
  return [
    quick
      ? ["one layer with a file of 8 MiB", { files: 1, bytesPerFile: 2 ** 23, content: "zeros" }]
      : ["one layer with a file of 8 GiB", { files: 1, bytesPerFile: 2 ** 33, content: "zeros" }],
    quick
      ? ["one layer with 500 files", { files: 500, bytesPerFile: 5, content: "text" }]
      : ["one layer with 500,000 files", { files: 500_000, bytesPerFile: 5, content: "text" }],
  ];
}

/** On a disk: in memory the layer would take the place that is measured. */
export async function measureMemory(quick: boolean): Promise<Peak[]> {
  const peaks: Peak[] = [];
  for (const [name, shape] of cases(quick)) {
    const directory = freshOnDisk("memory");
    const root = join(directory, "root");
    const archive = await oneLayerArchive(directory, shape);
    for (const command of [
      ["pull", archive],
      ["verify", "--all"],
    ]) {
      const { seconds, peakMiB } = await timed({ argv: [...OVL, ...command, "--root", root] });
      peaks.push({ name: `ovl ${command[0]}, ${name}`, seconds, peakMiB });
    }
    expectSame(name, layerObjects(root), objectsOf(shape));
    freshOnDisk("memory");
  }
  return peaks;
}

export function memoryTable(peaks: readonly Peak[]): string {
  const lines = ["| memory | seconds | peak MiB |", "| --- | ---: | ---: |"];
  for (const { name, seconds, peakMiB } of peaks) lines.push(`| ${name} | ${seconds.toFixed(1)} | ${peakMiB} |`);
  return `${lines.join("\n")}\n`;
}

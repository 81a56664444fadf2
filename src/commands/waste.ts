import { OvlCommand } from "../cli/base.js";
import { jobsFlag, maxLayerBytesOf, maxLayerSizeFlag, platformFlag } from "../cli/flags.js";
import { string } from "../cli/oclif/args.js";
import { string as stringFlag } from "../cli/oclif/flags.js";
import { registryFlags } from "../cli/registry-flags.js";
import { shown } from "../cli/views/files.js";
import { wasteText } from "../cli/views/waste.js";

export default class Waste extends OvlCommand {
  static override readonly summary = "Find the bytes that an image carries and nobody sees.";
  static override readonly description =
    `Compares the layers by content (size and CRC-64); files of a stored image are not read, tar-split has their checksums. Bytes are those of the hidden copies: what the image would be smaller by if its layers were one. Exit 1 where a limit is exceeded.
rewritten: other content under the same path. metadata: the same content again, as after chown, chmod or touch in a later step. moved: deleted, and the same content added elsewhere by that layer. deleted: added by one layer, removed by a later one.
efficiency is dive's score: over all paths, the smallest size that each has in any layer, divided by the sum of all its sizes; a deleted file counts 0 as its smallest.`;
  static override readonly usage = "waste IMAGE|SOURCE [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> waste app:1",
    {
      description: "Gate a build in CI",
      command: "<%= config.bin %> waste ./app.tar --min-efficiency 0.95 --max-wasted 20MB",
    },
    {
      description: "What a chown costs",
      command: "<%= config.bin %> waste app:1 --json | jq '[.items[] | select(.kind == \"metadata\").bytes] | add'",
    },
  ];
  static override readonly args = {
    target: string({ required: true, ignoreStdin: true, description: "Stored image or SOURCE." }),
  };
  static override readonly flags = {
    "min-efficiency": stringFlag({ helpValue: "RATIO", summary: "Exit 1 where the score is lower: 0.95 or 95%." }),
    "max-wasted": stringFlag({ helpValue: "BYTES", summary: "Exit 1 where more is wasted: 20MB, 512KiB, 1000." }),
    platform: platformFlag,
    ...registryFlags,
    jobs: jobsFlag,
    "max-layer-size": maxLayerSizeFlag,
  };

  async run() {
    const { args, flags } = await this.parse(Waste);
    const { exceeded, wasteLimits, wasteOfTarget } = await import("../cli/waste-target.js");
    const limits = wasteLimits(flags["min-efficiency"], flags["max-wasted"]);
    await using targets = await this.targets(flags);
    const target = await targets.one(args.target);
    using progress = await this.progress(flags, "reading");
    const { answer, warnings } = await wasteOfTarget(target, {
      jobs: flags.jobs,
      maxLayerBytes: await maxLayerBytesOf(flags),
      signal: this.signal,
      progress,
    });
    progress[Symbol.dispose]();
    const failed = exceeded(answer, limits, warnings.length === 0);
    if (failed.length > 0) process.exitCode = 1;
    await this.tell([...warnings, ...failed.map((message) => ({ message }))], flags);
    return this.answer(answer, flags, {
      text: () => wasteText(answer, { trunc: !flags["no-trunc"] }),
      ids: () => answer.items.map(({ path }) => shown(path)),
    });
  }
}

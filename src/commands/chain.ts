import { OvlCommand } from "../cli/base.js";
import { platformFlag } from "../cli/flags.js";
import { string } from "../cli/oclif/args.js";
import { boolean } from "../cli/oclif/flags.js";
import { registryFlags } from "../cli/registry-flags.js";
import { chainTable } from "../cli/views/chain.js";

export default class Chain extends OvlCommand {
  static override readonly summary = "Show how diff_ids become ChainIDs, and where each layer lies.";
  static override readonly description =
    `Bottom to top. A layer's ChainID is its diff_id at the bottom, else the sha256 of the ChainID below, a blank and its diff_id.
Of a SOURCE, which is only read, cache id, link, directory and size are unknown.`;
  static override readonly usage = "chain IMAGE|SOURCE [--dirs | --lowerdir] [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> chain nginx:latest",
    "<%= config.bin %> chain ./app.oci.tar --no-trunc",
    {
      description: "Mount an image read-only by hand",
      command: 'mount -t overlay overlay -o ro,lowerdir="$(<%= config.bin %> chain app:1 --lowerdir)" /mnt',
    },
  ];
  static override readonly args = {
    image: string({ required: true, ignoreStdin: true, description: "Stored image or SOURCE." }),
  };
  static override readonly flags = {
    dirs: boolean({ summary: "The layers' directories, bottom to top, one a line.", exclusive: ["lowerdir"] }),
    lowerdir: boolean({ summary: "The lowerdir= value for mount(8), top to bottom." }),
    platform: platformFlag,
    ...registryFlags,
  };

  async run() {
    const { args, flags } = await this.parse(Chain);
    await using targets = await this.targets(flags);
    const { chainOf, chainLines } = await import("../cli/answers/chain.js");
    const { answer: chain, warnings } = chainOf(await targets.one(args.image));
    await this.tell(warnings, flags);
    const lines = chainLines(chain, args.image, flags);
    return this.answer(chain, flags, {
      text: () => lines ?? chainTable(chain.layers, { trunc: !flags["no-trunc"] }),
      ids: () => chain.layers.map(({ chainId }) => chainId),
    });
  }
}

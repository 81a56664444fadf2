import { OvlCommand } from "../cli/base.js";
import { platformFlag } from "../cli/flags.js";
import { string } from "../cli/oclif/args.js";
import { registryFlags } from "../cli/registry-flags.js";

export default class Id extends OvlCommand {
  static override readonly summary = "Print the id of images: the sha256 of their config bytes.";
  static override readonly description = "Of stored images, and of archives and layouts without storing anything.";
  static override readonly usage = "id IMAGE|SOURCE... [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> id nginx:latest",
    { description: "Of every image in an archive", command: "<%= config.bin %> id ./app.tar" },
    { description: "For scripts", command: "<%= config.bin %> id ./app.tar --json" },
  ];
  static override readonly args = {
    image: string({ required: true, multiple: true, ignoreStdin: true, description: "Stored image or SOURCE." }),
  };
  static override readonly flags = { platform: platformFlag, ...registryFlags };

  async run() {
    const { args, flags } = await this.parse(Id);
    await using targets = await this.targets(flags);
    const { identify } = await import("../cli/answers/identify.js");
    const images = await identify(targets, args.image);
    const ids = () => images.map(({ id }) => id);
    return this.answer({ images }, flags, { text: () => ids().join("\n"), ids });
  }
}

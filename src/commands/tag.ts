import { OvlCommand } from "../cli/base.js";
import { forceFlag } from "../cli/flags.js";
import { string } from "../cli/oclif/args.js";

export default class Tag extends OvlCommand {
  static override readonly summary = "Give an image one more name.";
  static override readonly description = "A name that another image has moves to this one.";
  static override readonly usage = "tag IMAGE NAME [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> tag app:1 registry.example.com/team/app:1",
    "<%= config.bin %> tag 4bcff63911fc app",
  ];
  static override readonly args = {
    image: string({ required: true, ignoreStdin: true, description: "Name, id, or the beginning of an id." }),
    name: string({ required: true, ignoreStdin: true, description: "New name; :latest where it has no tag." }),
  };
  static override readonly flags = { force: forceFlag };

  async run() {
    const { args, flags } = await this.parse(Tag);
    const [{ resolveImage }, { tagImage }] = await Promise.all([
      import("../store/resolve.js"),
      import("../store/tag.js"),
    ]);
    await using store = await this.writer(flags);
    const id = resolveImage(store, args.image);
    tagImage(store, id, args.name);
    return this.answer({ untagged: [], deleted: [], reclaimedBytes: 0 }, flags, { text: () => "", ids: () => [id] });
  }
}

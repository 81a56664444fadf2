import { OvlCommand } from "../cli/base.js";
import { string as stringArg } from "../cli/oclif/args.js";
import { boolean, string } from "../cli/oclif/flags.js";
import { shortId } from "../cli/units.js";
import { imageTable } from "../cli/views/images.js";

export default class Images extends OvlCommand {
  static override readonly summary = "List the images of the root.";
  static override readonly usage = "images [NAME] [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> images",
    "<%= config.bin %> images --root /var/lib/docker --digests",
    "<%= config.bin %> images --filter 'reference=registry.example.com/*/*'",
    { description: "Without a name", command: "<%= config.bin %> images -q --filter dangling=true" },
  ];
  static override readonly args = {
    name: stringArg({
      ignoreStdin: true,
      description: "Only images of this repository, name[:tag]; may hold * and ?.",
    }),
  };
  static override readonly flags = {
    all: boolean({ char: "a", summary: "Untagged images that others were built on, too." }),
    digests: boolean({ summary: "Show digests." }),
    filter: string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "KEY=VALUE",
      summary: "dangling=true|false or reference=GLOB; repeatable.",
    }),
  };

  async run() {
    const { args, flags } = await this.parse(Images);
    const { imageFilter } = await import("../cli/image-filter.js");
    const { listImages } = await import("../store/images.js");
    const filter = imageFilter(args.name, flags);
    const { images, warnings } = await this.ask(flags, (store) => listImages(store, filter));
    await this.tell(warnings, flags);
    return this.answer({ images }, flags, {
      text: () => imageTable(images, { trunc: !flags["no-trunc"], digests: flags.digests }),
      ids: () => images.map(({ id }) => (flags["no-trunc"] ? id : shortId(id))),
    });
  }
}

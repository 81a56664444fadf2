import { OvlCommand } from "../cli/base.js";
import { string } from "../cli/oclif/args.js";
import { string as stringFlag } from "../cli/oclif/flags.js";

export default class Export extends OvlCommand {
  static override readonly summary = "Write the file system of a container or an image as one tar.";
  static override readonly description =
    "The entries of docker export, in the same order; nothing is mounted, and the same files always give the same bytes. Hard links stay links.";
  static override readonly usage = "export CONTAINER|IMAGE -o FILE [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> export web -o web.tar",
    {
      description: "Into a directory elsewhere",
      command: "<%= config.bin %> export app:1 -o - | ssh host tar -xC /srv/app",
    },
  ];
  static override readonly args = {
    target: string({ required: true, ignoreStdin: true, description: "Container or stored image." }),
  };
  static override readonly flags = {
    output: stringFlag({
      char: "o",
      default: "-",
      helpValue: "FILE",
      summary: "File to write; - is standard output.",
    }),
  };

  async run() {
    const { args, flags } = await this.parse(Export);
    const { checkOutput } = await import("../cli/export-flags.js");
    checkOutput(flags.output, this.jsonEnabled());
    const [{ openRootfs }, { exportTar }] = await Promise.all([
      import("../rootfs/open.js"),
      import("../rootfs/export.js"),
    ]);
    await using store = await this.reader(flags);
    using opened = openRootfs(store, args.target);
    const { union, target } = opened;
    const file = await exportTar(union, flags.output, this.signal);
    await this.tell(union.warnings, flags);
    return this.answer({ file, id: target.id }, flags, { text: () => "", ids: () => [] });
  }
}

import { OvlCommand } from "../cli/base.js";
import { string } from "../cli/oclif/args.js";
import { boolean } from "../cli/oclif/flags.js";

export default class Umount extends OvlCommand {
  static override readonly summary = "Unmount a container or an image.";
  static override readonly description =
    `All mounts of a container or an image, or the one on a directory. A directory that was made for the mount goes with it.
What a running container lives in stays mounted.`;
  static override readonly usage = "umount CONTAINER|IMAGE|DIR... [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> umount web",
    "<%= config.bin %> umount /mnt",
    { description: "Everything of this root", command: "<%= config.bin %> umount --all" },
  ];
  static override readonly args = {
    target: string({ multiple: true, ignoreStdin: true, description: "Container, image, or the directory it is on." }),
  };
  static override readonly flags = {
    all: boolean({ summary: "Everything of this root that is mounted, but for what running containers live in." }),
    force: boolean({
      char: "f",
      summary: "Detach what is in use, too; also on a root that a live dockerd holds.",
    }),
  };

  async run() {
    const { args, flags } = await this.parse(Umount);
    const { unmountTargets } = await import("../cli/umount-targets.js");
    const stores = { reader: () => this.reader(flags), writer: () => this.writer(flags) };
    const unmounted = await unmountTargets(stores, args.target ?? [], { all: flags.all, detach: flags.force });
    return this.answer({ unmounted }, flags, { text: () => "", ids: () => unmounted });
  }
}

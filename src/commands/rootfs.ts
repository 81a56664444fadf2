import { OvlCommand } from "../cli/base.js";
import { string } from "../cli/oclif/args.js";
import { option } from "../cli/oclif/flags.js";

export default class Rootfs extends OvlCommand {
  static override readonly summary =
    "Write the file system of a container or an image into a directory, without mounting.";
  static override readonly description =
    `DIR is made, or is empty. Owners, modes, times, extended attributes, devices and hard links are kept; without root what only root can make is left out, with one warning. If it fails, nothing is left behind.
--link hardlink takes no space, and gives the layers' own files further names: whoever writes to one in DIR changes the image. --link reflink shares content until it is written to, on filesystems that can (btrfs, xfs).`;
  static override readonly usage = "rootfs CONTAINER|IMAGE DIR [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> rootfs app:1 ./rootfs",
    {
      description: "Look into a container of Docker's",
      command: "<%= config.bin %> rootfs web ./web --root /var/lib/docker",
    },
    {
      description: "In no time, for reading",
      command: "<%= config.bin %> rootfs app:1 /var/lib/ovl-view --link hardlink",
    },
  ];
  static override readonly args = {
    target: string({ required: true, ignoreStdin: true, description: "Container or stored image." }),
    dir: string({ required: true, ignoreStdin: true, description: "Directory to write: empty, or not there yet." }),
  };
  static override readonly flags = {
    link: option({
      options: ["copy", "hardlink", "reflink"] as const,
      default: "copy",
      summary: "How files get their content.",
    })(),
  };

  async run() {
    const { args, flags } = await this.parse(Rootfs);
    const [{ openRootfs }, { writeOut }] = await Promise.all([
      import("../rootfs/open.js"),
      import("../rootfs/write-out.js"),
    ]);
    await using store = await this.reader(flags);
    using opened = openRootfs(store, args.target);
    const { union, target } = opened;
    const { path, warnings } = await writeOut(union, args.dir, { link: flags.link, signal: this.signal });
    await this.tell([...union.warnings, ...warnings], flags);
    return this.answer({ path, id: target.id }, flags, { text: () => path, ids: () => [path] });
  }
}

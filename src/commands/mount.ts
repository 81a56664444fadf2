import { OvlCommand } from "../cli/base.js";
import { forceFlag } from "../cli/flags.js";
import { type MountAnswer, mountTarget } from "../cli/mount-target.js";
import { string } from "../cli/oclif/args.js";
import { boolean } from "../cli/oclif/flags.js";
import { mountTable } from "../cli/views/mounts.js";

export default class Mount extends OvlCommand {
  static override readonly summary = "Mount a container or an image, and print where.";
  static override readonly description = `A container is mounted for writing, once at a time; an image always read-only.
Without DIR the place is the layer's own directory "merged", which is there only while it is mounted; for a read-only mount of a root that cannot be written to, or that a live dockerd holds, a private directory below /run or XDG_RUNTIME_DIR. Without any argument what is mounted is listed.`;
  static override readonly usage = "mount [CONTAINER|IMAGE [DIR]] [FLAGS]";
  static override readonly examples = [
    { description: "Change a file of a stopped container", command: 'vi "$(<%= config.bin %> mount web)/etc/motd"' },
    "<%= config.bin %> mount --read-only web /mnt",
    "<%= config.bin %> mount nginx:latest",
    { description: "What is mounted", command: "<%= config.bin %> mount" },
  ];
  static override readonly args = {
    target: string({ ignoreStdin: true, description: "Container or stored image." }),
    dir: string({ ignoreStdin: true, description: "Directory to mount on." }),
  };
  static override readonly flags = {
    "read-only": boolean({ summary: "Mount without upper and work directories: nothing of the root is written to." }),
    force: forceFlag,
  };

  async run(): Promise<MountAnswer> {
    const { args, flags } = await this.parse(Mount);
    if (args.target === undefined) {
      const { listMounts } = await import("../container/mount-list.js");
      await using store = await this.reader(flags);
      const mounts = listMounts(store);
      return this.answer({ mounts }, flags, {
        text: () => mountTable(mounts, { trunc: !flags["no-trunc"] }),
        ids: () => mounts.map(({ path }) => path),
      });
    }
    const stores = { reader: () => this.reader(flags), writer: () => this.writer(flags) };
    const mounted = await mountTarget(stores, args.target, args.dir ?? null, flags["read-only"] === true);
    return this.answer(mounted, flags, { text: () => mounted.path, ids: () => [mounted.path] });
  }
}

import { OvlCommand } from "../cli/base.js";
import { forceFlag, maxLayerBytesOf, maxLayerSizeFlag } from "../cli/flags.js";
import { string as stringArg } from "../cli/oclif/args.js";
import { string } from "../cli/oclif/flags.js";

export default class Import extends OvlCommand {
  static override readonly summary = "Make an image of one layer from the tar of a root filesystem.";
  static override readonly description =
    `As docker import: the tar may be compressed with gzip or zstd; - reads it from standard input. Prints the image id.
Changes are Dockerfile instructions: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR.
With SOURCE_DATE_EPOCH set, the same tar and the same changes always give the same image id.`;
  static override readonly usage = "import FILE|- [NAME] [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> import rootfs.tar.zst debian:12 -c 'CMD [\"bash\"]'",
    {
      description: "Straight from debootstrap's successor",
      command: "mmdebstrap --variant=minbase bookworm - | <%= config.bin %> import - debian:12",
    },
    {
      description: "A flattened copy of a container",
      command: "docker export web | <%= config.bin %> import - web:flat -c 'EXPOSE 80' -m 'flattened'",
    },
  ];
  static override readonly args = {
    file: stringArg({ required: true, ignoreStdin: true, description: "Tar to read; - is standard input." }),
    name: stringArg({ ignoreStdin: true, description: "Name that the image gets; :latest where it has no tag." }),
  };
  static override readonly flags = {
    change: string({
      char: "c",
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "INSTRUCTION",
      summary: "Dockerfile instruction to apply; repeatable.",
    }),
    message: string({ char: "m", helpValue: "TEXT", summary: "Comment of the image." }),
    platform: string({
      helpValue: "OS/ARCH[/VARIANT]",
      summary: "What the root filesystem is for; default: this machine.",
    }),
    "max-layer-size": maxLayerSizeFlag,
    force: forceFlag,
  };

  async run() {
    const { args, flags } = await this.parse(Import);
    const [{ importPlan }, { openRootfs }, { unlessInterrupted }] = await Promise.all([
      import("../cli/import-flags.js"),
      import("../source/rootfs-file.js"),
      import("../cli/interrupt.js"),
    ]);
    const plan = importPlan(args.name, flags);
    const maxLayerBytes = await maxLayerBytesOf(flags);
    using rootfs = await unlessInterrupted(openRootfs(args.file, maxLayerBytes), this.signal);
    const { importRootfs } = await import("../store/import.js");
    await using store = await this.writer(flags, "create");
    using progress = await this.progress(flags, "importing");
    const { id, warnings } = await importRootfs(store, rootfs, {
      ...plan,
      maxLayerBytes,
      signal: this.signal,
      progress,
    });
    progress[Symbol.dispose]();
    await this.tell(warnings, flags);
    return this.answer({ id }, flags, { text: () => id, ids: () => [id] });
  }
}

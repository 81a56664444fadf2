import { OvlCommand } from "../cli/base.js";
import { forceFlag, jobsFlag, maxLayerSizeFlag } from "../cli/flags.js";
import { boolean, string } from "../cli/oclif/flags.js";
import { registryFlags } from "../cli/registry-flags.js";
import { shown } from "../cli/views/files.js";
import { fsckText } from "../cli/views/fsck.js";

export default class Fsck extends OvlCommand {
  static override readonly summary = "Find every inconsistency of a root, and mend what can be mended without loss.";
  static override readonly description =
    "Works on any docker root of the overlay2 and the overlay driver, live or dead, and writes nothing without --repair. Each fault is reported once, where it is, with a stable code; docs/fsck.md lists them. Exit 1 if a problem remains. What a repair cannot prove to be nobody's is moved to ROOT/ovl-lost+found, never deleted.";
  static override readonly usage = "fsck [FLAGS]";
  static override readonly examples = [
    {
      description: "Docker's own root, also while dockerd runs",
      command: "<%= config.bin %> fsck --root /var/lib/docker",
    },
    { description: "Contents, owners, modes and times as well", command: "<%= config.bin %> fsck --deep" },
    { description: "What a repair would do", command: "<%= config.bin %> fsck --repair --dry-run" },
    {
      description: "Damaged layers from an archive, file by file",
      command: "<%= config.bin %> fsck --deep --repair --source ./app.tar",
    },
    {
      description: "Where the space went",
      command: "<%= config.bin %> fsck --json | jq '.problems[] | select(.severity == \"reclaimable\")'",
    },
  ];
  static override readonly flags = {
    deep: boolean({ summary: "Rebuild every layer, and compare its files with the headers that it brought." }),
    repair: boolean({ summary: "Mend what can be mended without loss; dockerd must be stopped." }),
    source: string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "SOURCE",
      summary: "Where damaged layers and images come from again; repeatable.",
    }),
    "dry-run": boolean({ summary: "With --repair: say what would be done, and do nothing." }),
    jobs: jobsFlag,
    "max-layer-size": maxLayerSizeFlag,
    force: forceFlag,
    ...registryFlags,
  };

  async run() {
    const { flags } = await this.parse(Fsck);
    const { runFsck } = await import("../cli/fsck.js");
    using progress = await this.progress(flags, "checking");
    const registry = await this.registry(flags);
    const run = { progress, registry, signal: this.signal };
    const { report, warnings } = await runFsck(() => this.reader(flags), flags, run);
    progress[Symbol.dispose]();
    await this.tell(warnings, flags);
    if (!report.ok) process.exitCode = 1;
    const color = await this.color(flags);
    return this.answer(report, flags, {
      text: () => fsckText(report, color),
      ids: () => report.problems.map(({ path }) => shown(path)),
    });
  }
}

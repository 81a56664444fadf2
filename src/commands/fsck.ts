import { OvlCommand } from "../cli/base.js";
import { fsckText } from "../cli/views/fsck.js";

export default class Fsck extends OvlCommand {
  static override readonly summary = "Find every inconsistency of a root.";
  static override readonly description =
    "Works on any docker root of the overlay2 and the overlay driver, live or dead, and writes nothing. Each fault is reported once, where it is, with a stable code; docs/fsck.md lists them. Exit 1 if there is any.";
  static override readonly usage = "fsck [FLAGS]";
  static override readonly examples = [
    {
      description: "Docker's own root, also while dockerd runs",
      command: "<%= config.bin %> fsck --root /var/lib/docker",
    },
    {
      description: "Where the space went",
      command: "<%= config.bin %> fsck --json | jq '.problems[] | select(.severity == \"reclaimable\")'",
    },
  ];

  async run() {
    const { flags } = await this.parse(Fsck);
    const [{ checkRoot }, { fsckReport }] = await Promise.all([
      import("../audit/fsck.js"),
      import("../audit/fsck-report.js"),
    ]);
    await using store = await this.reader(flags);
    const { checked, findings } = checkRoot(store);
    const report = fsckReport(checked, findings);
    if (!report.ok) process.exitCode = 1;
    const color = await this.color(flags);
    return this.answer(report, flags, {
      text: () => fsckText(report, color),
      ids: () => report.problems.map(({ path }) => path),
    });
  }
}

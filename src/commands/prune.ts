import { OvlCommand } from "../cli/base.js";
import { dryRunFlag } from "../cli/flags.js";
import { boolean } from "../cli/oclif/flags.js";
import { pruneText, removed } from "../cli/views/removal.js";

export default class Prune extends OvlCommand {
  static override readonly summary = "Remove the images that nobody uses, as docker image prune does.";
  static override readonly description =
    "Images without a name, on which no other was built; what a container uses stays.";
  static override readonly usage = "prune [FLAGS]";
  static override readonly examples = [
    { description: "What would go, and how much that is", command: "<%= config.bin %> prune --dry-run" },
    "<%= config.bin %> prune",
    { description: "Named ones too, unless a container uses them", command: "<%= config.bin %> prune --all --json" },
  ];
  static override readonly flags = {
    all: boolean({ char: "a", summary: "Every image that no container uses, not only those without a name." }),
    "dry-run": dryRunFlag,
    force: boolean({ char: "f", summary: "Write although a live dockerd holds the root." }),
  };

  async run() {
    const { flags } = await this.parse(Prune);
    const { pruneImages } = await import("../store/prune.js");
    await using store = await this.remover(flags);
    const result = pruneImages(store, { all: flags.all, dryRun: flags["dry-run"] });
    const answer = removed(result);
    return this.answer(answer, flags, { text: () => pruneText(result), ids: () => answer.deleted });
  }
}

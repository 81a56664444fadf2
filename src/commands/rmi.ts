import { OvlCommand } from "../cli/base.js";
import { dryRunFlag } from "../cli/flags.js";
import { string } from "../cli/oclif/args.js";
import { boolean } from "../cli/oclif/flags.js";
import { removalFailure, removalText, removed } from "../cli/views/removal.js";

export default class Rmi extends OvlCommand {
  static override readonly summary = "Remove images, as docker rmi does.";
  static override readonly description =
    "A name is taken away; with its last name, or by its id, the image goes, with the layers and the untagged parents that nothing else needs. What a container uses stays.";
  static override readonly usage = "rmi IMAGE... [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> rmi app:1",
    { description: "What would go", command: "<%= config.bin %> rmi --dry-run 4bcff63911fc" },
    { description: "With all its names", command: "<%= config.bin %> rmi --force 4bcff63911fc" },
  ];
  static override readonly args = {
    image: string({
      required: true,
      multiple: true,
      ignoreStdin: true,
      description: "Name, id, or the beginning of one.",
    }),
  };
  static override readonly flags = {
    force: boolean({
      char: "f",
      summary: "Also images with several names or stopped containers; also on a root that a live dockerd holds.",
    }),
    "dry-run": dryRunFlag,
  };

  async run() {
    const { args, flags } = await this.parse(Rmi);
    const { removeImages } = await import("../store/remove.js");
    await using store = await this.remover(flags);
    const result = removeImages(store, args.image, { force: flags.force, dryRun: flags["dry-run"] });
    const failure = removalFailure(result);
    if (failure !== null && this.jsonEnabled()) throw failure;
    const answer = removed(result);
    this.answer(answer, flags, { text: () => removalText(result), ids: () => answer.deleted });
    if (failure !== null) throw failure;
    return answer;
  }
}

import { OvlCommand } from "../cli/base.js";
import { dryRunFlag } from "../cli/flags.js";
import { string } from "../cli/oclif/args.js";
import { boolean } from "../cli/oclif/flags.js";

export default class Rm extends OvlCommand {
  static override readonly summary = "Remove containers, as docker rm does.";
  static override readonly description =
    "With them goes everything that was written in them. What runs or is mounted stays.";
  static override readonly usage = "rm CONTAINER... [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> rm web",
    { description: "What would go", command: "<%= config.bin %> rm --dry-run $(<%= config.bin %> ps -aq)" },
  ];
  static override readonly args = {
    container: string({
      required: true,
      multiple: true,
      ignoreStdin: true,
      description: "Name, id, or the beginning of an id.",
    }),
  };
  static override readonly flags = {
    force: boolean({
      char: "f",
      summary: "Kill and unmount first what runs or is mounted; also on a root that a live dockerd holds.",
    }),
    volumes: boolean({ char: "v", summary: "Their volumes, too, as far as those were given no name." }),
    "dry-run": dryRunFlag,
  };

  async run() {
    const { args, flags } = await this.parse(Rm);
    const { removeContainers, removalFailure } = await import("../container/remove.js");
    await using store = await this.remover(flags);
    const result = await removeContainers(store, args.container, {
      force: flags.force,
      volumes: flags.volumes,
      dryRun: flags["dry-run"],
    });
    const failure = removalFailure(result);
    if (failure !== null && this.jsonEnabled()) throw failure;
    const { removed } = result;
    this.answer({ removed }, flags, { text: () => removed.join("\n"), ids: () => removed });
    if (failure !== null) throw failure;
    return { removed };
  }
}

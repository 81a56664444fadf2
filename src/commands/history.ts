import { OvlCommand } from "../cli/base.js";
import { platformFlag } from "../cli/flags.js";
import { string } from "../cli/oclif/args.js";
import { registryFlags } from "../cli/registry-flags.js";
import { historyIds, historyTable } from "../cli/views/history.js";

export default class History extends OvlCommand {
  static override readonly summary = "Show the steps that made an image, newest first.";
  static override readonly usage = "history IMAGE|SOURCE [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> history nginx:latest",
    "<%= config.bin %> history ./app.tar --no-trunc",
    {
      description: "Which step made a layer",
      command: "<%= config.bin %> history app:1 --json | jq '.history[] | select(.chainId) | {chainId, createdBy}'",
    },
  ];
  static override readonly args = {
    image: string({ required: true, ignoreStdin: true, description: "Stored image or SOURCE." }),
  };
  static override readonly flags = { platform: platformFlag, ...registryFlags };

  async run() {
    const { args, flags } = await this.parse(History);
    await using targets = await this.targets(flags);
    const { historyOf } = await import("../cli/answers/history.js");
    const { answer: history, warnings } = historyOf(await targets.one(args.image));
    await this.tell(warnings, flags);
    const trunc = !flags["no-trunc"];
    return this.answer({ history }, flags, {
      text: () => historyTable(history, { trunc }),
      ids: () => historyIds(history, { trunc }),
    });
  }
}

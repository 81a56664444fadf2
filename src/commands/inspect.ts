import { OvlCommand } from "../cli/base.js";
import { platformFlag } from "../cli/flags.js";
import { string } from "../cli/oclif/args.js";
import { jsonText } from "../cli/output.js";
import { registryFlags } from "../cli/registry-flags.js";

export default class Inspect extends OvlCommand {
  static override readonly summary = "Print everything known of containers and images, as docker inspect does.";
  static override readonly description = `An array with the keys of Docker 20.10, in its order.
Of a SOURCE, which is only read, the keys that only a store can tell are left out: Size, VirtualSize, GraphDriver, Metadata.`;
  static override readonly usage = "inspect CONTAINER|IMAGE|SOURCE... [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> inspect nginx:latest",
    {
      description: "Where its top layer lies",
      command: "<%= config.bin %> inspect app:1 | jq -r '.[0].GraphDriver.Data.UpperDir'",
    },
    { description: "How a container was left", command: "<%= config.bin %> inspect web | jq '.[0].State'" },
    { description: "What an archive would run", command: "<%= config.bin %> inspect ./app.tar | jq '.[].Config.Cmd'" },
  ];
  static override readonly args = {
    object: string({
      required: true,
      multiple: true,
      ignoreStdin: true,
      description: "Container, stored image or SOURCE.",
    }),
  };
  static override readonly flags = { platform: platformFlag, ...registryFlags };

  async run() {
    const { args, flags } = await this.parse(Inspect);
    await using targets = await this.targets(flags);
    const { inspectAll } = await import("../cli/answers/inspect.js");
    const { answer, warnings, missing } = await inspectAll(targets, args.object);
    await this.tell(warnings, flags);
    if (missing !== null && this.jsonEnabled()) throw missing;
    this.answer(answer, flags, {
      text: () => jsonText(answer, 4),
      ids: () => answer.map((image) => String(image["Id"])),
    });
    // docker prints what there is before it complains of the rest.
    if (missing !== null) throw missing;
    return answer;
  }
}

import { OvlCommand } from "../cli/base.js";
import { boolean } from "../cli/oclif/flags.js";
import { shortId } from "../cli/units.js";
import { containerTable } from "../cli/views/containers.js";

export default class Ps extends OvlCommand {
  static override readonly summary = "List the containers of the root, as docker ps does.";
  static override readonly description =
    "Running ones, or all with -a. A container that is marked as running although its process is gone counts as exited.";
  static override readonly usage = "ps [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> ps -a",
    "<%= config.bin %> ps -a --root /var/lib/docker --json",
    { description: "Where their layers lie", command: "<%= config.bin %> ps -a --json | jq -r '.containers[].dir'" },
  ];
  static override readonly flags = { all: boolean({ char: "a", summary: "Stopped containers, too." }) };

  async run() {
    const { flags } = await this.parse(Ps);
    const { listContainers } = await import("../container/list.js");
    const { containers: listed, warnings } = await this.ask(flags, (store) =>
      listContainers(store, { all: flags.all }),
    );
    await this.tell(warnings, flags);
    const containers = listed.map(({ summary }) => summary);
    return this.answer({ containers }, flags, {
      text: () => containerTable(listed, { trunc: !flags["no-trunc"] }),
      ids: () => containers.map(({ id }) => (flags["no-trunc"] ? id : shortId(id))),
    });
  }
}

import { OvlCommand } from "../cli/base.js";
import { type Info as Answer, gatherInfo, infoText } from "../cli/views/info.js";

export default class Info extends OvlCommand {
  static override readonly summary = "Show a root at a glance.";
  static override readonly description =
    "What the root is and holds, whether a daemon works on it, and which decompression and checksum engines are in use.";
  static override readonly usage = "info [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> info",
    "<%= config.bin %> info --root /var/lib/docker --json",
  ];

  async run(): Promise<Answer> {
    const { flags } = await this.parse(Info);
    await using store = await this.reader(flags);
    const { info, layerBytes, warnings } = await gatherInfo(store);
    await this.tell(warnings, flags);
    return this.answer(info, flags, { text: () => infoText(info, layerBytes), ids: () => [info.root] });
  }
}

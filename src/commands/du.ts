import { OvlCommand } from "../cli/base.js";
import { boolean } from "../cli/oclif/flags.js";
import { duText } from "../cli/views/du.js";

export default class Du extends OvlCommand {
  static override readonly summary = "Show where the disk space of a root has gone, in parts that add up.";
  static override readonly description =
    `Counts what is allocated, as du -x does: blocks, so that sparse files count what they take; files with several names once; what is mounted below not at all. Every directory has one owner, so the parts add up to what du says of the driver's directory: layers of images, layers that no image has, containers, BuildKit's cache, orphans.
UNIQUE is what no other image has, SHARED the rest. Log files lie elsewhere and are no part of the total.`;
  static override readonly usage = "du [FLAGS]";
  static override readonly examples = [
    { description: "Docker's own root", command: "<%= config.bin %> du --root /var/lib/docker" },
    {
      description: "The images whose removal frees most",
      command: "<%= config.bin %> du --json | jq -r '.images[] | [.unique, .names[0]] | @tsv' | sort -n | tail",
    },
  ];
  static override readonly flags = {
    metadata: boolean({
      summary: "Do not walk image layers: take the bytes of content that layerdb notes. Fast on huge roots.",
    }),
  };

  async run() {
    const { flags } = await this.parse(Du);
    const { rootUse } = await import("../audit/du.js");
    await using store = await this.reader(flags);
    const { use, warnings } = rootUse(store, flags.metadata);
    await this.tell(warnings, flags);
    return this.answer(use, flags, {
      text: () => duText(use, { trunc: !flags["no-trunc"] }),
      ids: () => use.images.map(({ id }) => id),
    });
  }
}

import { OvlCommand } from "../cli/base.js";
import { string } from "../cli/oclif/args.js";
import { boolean, integer } from "../cli/oclif/flags.js";
import { jsonText } from "../cli/output.js";
import { fileLine, shown } from "../cli/views/files.js";

export default class Files extends OvlCommand {
  static override readonly summary = "List the files of an image or a container, merged as they would be mounted.";
  static override readonly description =
    `Nothing is mounted: the layers' directories are read, whiteouts and opaque directories applied. PATH narrows it to one file or directory; symlinks on the way to it are followed inside the image. With --layer, what one layer itself has, its whiteouts among it.`;
  static override readonly usage = "files CONTAINER|IMAGE [PATH] [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> files app:1 /etc",
    "<%= config.bin %> files web --root /var/lib/docker -q",
    { description: "What a layer added", command: "<%= config.bin %> files app:1 --layer 2" },
    {
      description: "The largest files, and the layers that they are in",
      command: "<%= config.bin %> files app:1 --ndjson | jq -r '[.size,.layer,.path]|@tsv' | sort -n | tail",
    },
  ];
  static override readonly args = {
    target: string({ required: true, ignoreStdin: true, description: "Container or stored image." }),
    path: string({ ignoreStdin: true, default: "/", description: "Only this, and what is below it." }),
  };
  static override readonly flags = {
    layer: integer({ min: 0, helpValue: "N", summary: "Only this layer, as it is on disk; 0 is the bottom." }),
    ndjson: boolean({ summary: "A JSON document a line for each file, instead of one for all.", exclusive: ["json"] }),
  };

  async run() {
    const { args, flags } = await this.parse(Files);
    await using store = await this.reader(flags);
    const [{ openRootfs }, { listFiles }] = await Promise.all([
      import("../rootfs/open.js"),
      import("../rootfs/files.js"),
    ]);
    using opened = openRootfs(store, args.target, flags.layer ?? null);
    const { union, layers } = opened;
    const files = listFiles(union, layers, args.path);
    if (this.jsonEnabled()) {
      const answer = { files: [...files] };
      await this.tell(union.warnings, flags);
      return answer;
    }
    const { writeStream } = await import("../cli/stream.js");
    await writeStream(
      files,
      flags.ndjson ? (file) => jsonText(file) : flags.quiet ? ({ path }) => shown(path) : fileLine,
      this.signal,
    );
    await this.tell(union.warnings, flags);
    return undefined;
  }
}

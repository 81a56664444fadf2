import { OvlCommand } from "../cli/base.js";
import { string } from "../cli/oclif/args.js";
import { boolean } from "../cli/oclif/flags.js";
import { jsonText } from "../cli/output.js";
import { shown } from "../cli/views/files.js";
import { eventText } from "../cli/views/timeline.js";

export default class Timeline extends OvlCommand {
  static override readonly summary = "Show what happened to a container, an image or a whole root, and when.";
  static override readonly description =
    `Nothing is mounted or started: times are those of the files in a container's own layer (whiteouts are deletions), of the image's history, of layers' arrival in the root, of the container's record and of its log files.
file-modified: content, by mtime. file-changed: attributes, name or copy-up, by ctime, which nobody can set; in a copied root it is the time of the copy. file-deleted: a whiteout; kernels since 5.8 let whiteouts share an inode, and then the time is only the latest possible.`;
  static override readonly usage = ["timeline CONTAINER|IMAGE [FLAGS]", "timeline --all [FLAGS]"];
  static override readonly examples = [
    "<%= config.bin %> timeline web --root /var/lib/docker",
    {
      description: "For mactime and plaso",
      command: "<%= config.bin %> timeline --all --bodyfile --root /mnt/evidence/docker | mactime -b - -d",
    },
    {
      description: "What was deleted",
      command:
        "<%= config.bin %> timeline web --ndjson | jq -r 'select(.kind == \"file-deleted\") | [.time, .path] | @tsv'",
    },
  ];
  static override readonly args = {
    target: string({ ignoreStdin: true, description: "Container or stored image." }),
  };
  static override readonly flags = {
    all: boolean({ char: "a", summary: "Everything in the root." }),
    bodyfile: boolean({ summary: "Print a body file of The Sleuth Kit 3.x, unsorted.", exclusive: ["json", "ndjson"] }),
    ndjson: boolean({ summary: "A JSON document a line for each event, instead of one for all.", exclusive: ["json"] }),
  };

  async run() {
    const { args, flags } = await this.parse(Timeline);
    const [{ Timeline: Reader }, { fileLine, eventLine }, { writeStream }, { OvlError }] = await Promise.all([
      import("../audit/timeline.js"),
      import("../audit/timeline-bodyfile.js"),
      import("../cli/stream.js"),
      import("../errors.js"),
    ]);
    if ((args.target === undefined) !== (flags.all === true)) {
      throw new OvlError("USAGE", "name a container or an image, or give --all for everything, and not both");
    }
    await using store = await this.reader(flags);
    const timeline = new Reader(store, args.target ?? null);
    if (flags.bodyfile) {
      await writeStream(timeline.records(), eventLine, this.signal);
      await writeStream(timeline.files(), fileLine, this.signal);
      await this.tell(timeline.warnings, flags);
      return undefined;
    }
    const events = timeline.events();
    await this.tell(timeline.warnings, flags);
    if (this.jsonEnabled()) return { events };
    const line = flags.ndjson
      ? (event: (typeof events)[number]) => jsonText(event)
      : flags.quiet
        ? ({ path, container, chainId, image }: (typeof events)[number]) =>
            shown(path ?? container ?? chainId ?? image ?? "")
        : (event: (typeof events)[number]) => eventText(event, !flags["no-trunc"]);
    await writeStream(events, line, this.signal);
    return undefined;
  }
}

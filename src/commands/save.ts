import { OvlCommand } from "../cli/base.js";
import { jobsFlag } from "../cli/flags.js";
import { string as stringArg } from "../cli/oclif/args.js";
import { option, string } from "../cli/oclif/flags.js";

export default class Save extends OvlCommand {
  static override readonly summary = "Write images to an archive or an OCI layout, byte for byte what they were.";
  static override readonly description =
    `Every layer is put together again and checked against its diff_id, every image keeps its id, and the same images always give the same bytes. An image gets the names that it was asked for by: none where that was an id. Layers that several images share are written once.
A docker-archive is read by docker load, podman load and skopeo; it is an OCI archive as well.`;
  static override readonly usage = "save IMAGE... -o FILE [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> save app:1 -o app.tar",
    { description: "Into another daemon", command: "<%= config.bin %> save app:1 | docker -H ssh://host load" },
    {
      description: "An OCI layout with zstd layers",
      command: "<%= config.bin %> save app:1 --format oci --compress zstd -o ./layout",
    },
    {
      description: "Only what the other side lacks",
      command: "<%= config.bin %> save app:2 --since app:1 -o update.tar",
    },
  ];
  static override readonly args = {
    image: stringArg({
      required: true,
      multiple: true,
      ignoreStdin: true,
      description: "Name, id, or the beginning of an id.",
    }),
  };
  static override readonly flags = {
    output: string({
      char: "o",
      default: "-",
      helpValue: "FILE",
      summary: "File to write, a directory for oci; - is standard output.",
    }),
    format: option({
      options: ["docker-archive", "oci-archive", "oci"] as const,
      default: "docker-archive",
      summary: "What to write.",
    })(),
    compress: option({
      options: ["none", "gzip", "zstd"] as const,
      summary: "Compression of layers in the OCI formats; default: gzip.",
    })(),
    since: string({
      helpValue: "BASE",
      summary: "Leave out the layers of this image; who loads the archive must have them.",
    }),
    jobs: jobsFlag,
  };

  async run() {
    const { args, flags } = await this.parse(Save);
    const { savePlan } = await import("../cli/save-flags.js");
    const options = savePlan(flags, this.jsonEnabled());
    const { save } = await import("../store/save.js");
    await using store = await this.reader(flags);
    using progress = await this.progress(flags, "saving");
    const { warnings, ...saved } = await save(store, args.image, { ...options, signal: this.signal, progress });
    progress[Symbol.dispose]();
    await this.tell(warnings, flags);
    const ids = () => (saved.file === "-" ? [] : saved.images.map(({ id }) => id));
    return this.answer(saved, flags, { text: () => "", ids });
  }
}

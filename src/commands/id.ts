import { string } from "@oclif/core/args";
import { OvlCommand } from "../cli/base.js";

export default class Id extends OvlCommand {
  static override readonly summary = "Print the id of images: the sha256 of their config bytes.";
  static override readonly args = {
    image: string({ required: true, multiple: true, ignoreStdin: true, description: "IMAGE or SOURCE" }),
  };
  static override readonly examples = [
    "<%= config.bin %> id nginx:latest",
    "<%= config.bin %> id ./app.oci.tar --json",
  ];

  async run() {
    const { args, flags } = await this.parse(Id);
    return this.answer({ images: args.image }, flags, { text: () => "x", ids: () => [] });
  }
}

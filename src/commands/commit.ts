import { OvlCommand } from "../cli/base.js";
import { forceFlag } from "../cli/flags.js";
import { string as stringArg } from "../cli/oclif/args.js";
import { string } from "../cli/oclif/flags.js";

export default class Commit extends OvlCommand {
  static override readonly summary = "Make an image of a container: what was written in it becomes a new layer.";
  static override readonly description =
    `As docker commit, with the layer that docker would make, byte for byte; nothing is mounted. Prints the image id.
Changes are Dockerfile instructions: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR.
With SOURCE_DATE_EPOCH set, the same container and the same changes always give the same image id.`;
  static override readonly usage = "commit CONTAINER [NAME] [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> commit web web:edited -m 'by hand'",
    "<%= config.bin %> commit web -c 'CMD [\"serve\"]' -c 'EXPOSE 80'",
  ];
  static override readonly args = {
    container: stringArg({ required: true, ignoreStdin: true, description: "Name, id, or the beginning of an id." }),
    name: stringArg({ ignoreStdin: true, description: "Name that the image gets; :latest where it has no tag." }),
  };
  static override readonly flags = {
    author: string({ char: "a", default: "", helpValue: "TEXT", summary: "Author of the image." }),
    change: string({
      char: "c",
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "INSTRUCTION",
      summary: "Dockerfile instruction to apply; repeatable.",
    }),
    message: string({ char: "m", default: "", helpValue: "TEXT", summary: "Comment in the image's history." }),
    force: forceFlag,
  };

  async run() {
    const { args, flags } = await this.parse(Commit);
    const [{ createdTime }, { commitContainer }] = await Promise.all([
      import("../cli/import-flags.js"),
      import("../container/commit.js"),
    ]);
    const created = createdTime();
    await using store = await this.writer(flags);
    using progress = await this.progress(flags, "committing");
    const { id, warnings } = await commitContainer(store, args.container, {
      name: args.name ?? null,
      author: flags.author,
      comment: flags.message,
      changes: flags.change ?? [],
      created,
      signal: this.signal,
      progress,
    });
    progress[Symbol.dispose]();
    await this.tell(warnings, flags);
    return this.answer({ id }, flags, { text: () => id, ids: () => [id] });
  }
}

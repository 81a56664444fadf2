import { OvlCommand } from "../cli/base.js";
import { string } from "../cli/oclif/args.js";
import { changeLine } from "../cli/views/changes.js";

export default class Diff extends OvlCommand {
  static override readonly summary = "List what a container has changed, or in what two images differ.";
  static override readonly description = `The lines of docker diff, sorted by path; nothing is mounted.
A: added. C: changed, or something below it has. D: deleted, with everything in it.
With two arguments, what the second has changed against the first: images or containers.`;
  static override readonly usage = ["diff CONTAINER [FLAGS]", "diff IMAGE|CONTAINER IMAGE|CONTAINER [FLAGS]"];
  static override readonly examples = [
    "<%= config.bin %> diff web",
    "<%= config.bin %> diff app:1 app:2",
    { description: "What a container has written", command: "<%= config.bin %> diff web | grep ^A" },
  ];
  static override readonly args = {
    target: string({ required: true, ignoreStdin: true, description: "Container; or what to compare with." }),
    other: string({ ignoreStdin: true, description: "Stored image or container that is compared with the first." }),
  };

  async run() {
    const { args, flags } = await this.parse(Diff);
    await using store = await this.reader(flags);
    const { changesFrom, containerChanges } = await import("../container/changes-of.js");
    const { changes, warnings } =
      args.other === undefined
        ? await containerChanges(store, args.target, this.signal)
        : await changesFrom(store, args.target, args.other, this.signal);
    await this.tell(warnings, flags);
    return this.answer({ changes }, flags, {
      text: () => changes.map(changeLine).join("\n"),
      ids: () => changes.map(({ path }) => path),
    });
  }
}

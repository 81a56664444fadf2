import { OvlCommand } from "../cli/base.js";
import { forceFlag } from "../cli/flags.js";
import { string } from "../cli/oclif/args.js";
import { boolean } from "../cli/oclif/flags.js";

export default class Cp extends OvlCommand {
  static override readonly summary = "Copy files out of a container or into it.";
  static override readonly description =
    `As docker cp, with nothing mounted; the container must not run for a copy into it.
A directory that is there takes the source under its own name; DIR/. as the source means what is in the directory.
- as the source is a tar on standard input, as the destination one on standard output.
A path into a volume or a bind mount of the container is refused, with the place on this machine that it stands for.
A directory with one in it is copied out as the layers have it, with a warning.
/etc/hosts, /etc/hostname and /etc/resolv.conf are those that docker made for the container, and are not written.`;
  static override readonly usage = ["cp CONTAINER:PATH DESTINATION|- [FLAGS]", "cp SOURCE|- CONTAINER:PATH [FLAGS]"];
  static override readonly examples = [
    "<%= config.bin %> cp web:/etc/nginx/nginx.conf .",
    "<%= config.bin %> cp site/. web:/srv/www",
    { description: "As a stream", command: "<%= config.bin %> cp web:/var/log - | tar -tv" },
  ];
  static override readonly args = {
    source: string({ required: true, ignoreStdin: true, description: "What to copy." }),
    destination: string({ required: true, ignoreStdin: true, description: "Where to." }),
  };
  static override readonly flags = {
    archive: boolean({ char: "a", summary: "Keep owners out of a container, too; into one they are always kept." }),
    "follow-link": boolean({ char: "L", summary: "Copy what a symlink as the source leads to." }),
    force: forceFlag,
  };

  async run() {
    const { args, flags } = await this.parse(Cp);
    const { copyPlan, tarOnInput } = await import("../cli/copy-flags.js");
    const plan = copyPlan(args.source, args.destination, this.jsonEnabled());
    const { copyIn, copyOut } = await import("../container/copy.js");
    const options = { follows: flags["follow-link"], keepsOwners: flags.archive, signal: this.signal };
    const copy = async () => {
      if (plan.direction === "out") {
        await using store = await this.reader(flags);
        return await copyOut(store, plan.from, plan.to, options);
      }
      using tar = plan.from.kind === "stream" ? await tarOnInput(this.signal) : null;
      await using store = await this.writer(flags);
      return await copyIn(store, plan.from, plan.to, tar, options);
    };
    const { container, path, warnings } = await copy();
    await this.tell(warnings, flags);
    return this.answer({ container, path }, flags, { text: () => "", ids: () => [] });
  }
}

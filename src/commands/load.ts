import { string } from "../cli/oclif/flags.js";
import Pull from "./pull.js";

export default class Load extends Pull {
  static override readonly summary = "As pull, with the arguments of docker load.";
  static override readonly description =
    "Reads stdin where neither -i nor a SOURCE is given. What -i names is a file, whatever it looks like.";
  static override readonly usage = "load [-i FILE | SOURCE...] [FLAGS]";
  static override readonly examples = [
    "docker save app:1 | <%= config.bin %> load",
    "<%= config.bin %> load -i app.tar.gz",
  ];
  static override readonly flags = {
    ...Pull.flags,
    input: string({ char: "i", helpValue: "FILE", summary: "Archive to read." }),
  };

  override async run() {
    const { args, flags } = await this.parse(Load);
    const inputs = flags.input === undefined ? [] : [pathOf(flags.input)];
    const named = [...inputs, ...(args.source ?? [])];
    return this.pull(named.length > 0 ? named : ["-"], flags);
  }
}

/** The same file, written as what is never taken for anything but a path; `-` stays stdin. */
function pathOf(file: string): string {
  return file === "" || file === "-" || /^\.{0,2}\//.test(file) ? file : `./${file}`;
}

import { string } from "../cli/oclif/flags.js";
import { OvlError } from "../errors.js";
import Pull from "./pull.js";

export default class Load extends Pull {
  static override readonly summary = "As pull, with the arguments of docker load.";
  static override readonly description =
    "Reads archives and layouts, and stdin where neither -i nor a SOURCE is given; it asks no registry.";
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
    const named = [...inputs, ...(args.source ?? []).map(localSource)];
    return this.pull(named.length > 0 ? named : ["-"], flags);
  }
}

/** A SOURCE that can be no image of a registry. Throws USAGE for an address. */
function localSource(text: string): string {
  if (/^(?:oci|oci-archive|docker-archive):/.test(text)) return text;
  // Not repeated here: an address may hold a password.
  if (/^[a-z]+:\/\//i.test(text)) {
    throw new OvlError("USAGE", "load takes a path or - for stdin, and no address; ovl pull asks registries");
  }
  return pathOf(text);
}

/** The same file, written as what is never taken for anything but a path; `-` stays stdin. */
function pathOf(file: string): string {
  return file === "" || file === "-" || /^\.{0,2}\//.test(file) ? file : `./${file}`;
}

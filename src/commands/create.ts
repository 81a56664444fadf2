import { OvlCommand } from "../cli/base.js";
import { forceFlag } from "../cli/flags.js";
import { string as stringArg } from "../cli/oclif/args.js";
import { string } from "../cli/oclif/flags.js";
import { labelsOf, variablesOf } from "../cli/run-flags.js";

export default class Create extends OvlCommand {
  static override readonly summary = "Make a container of an image, as docker create does.";
  static override readonly description =
    `Its layers and its configuration are written as dockerd writes them: a dockerd started on the root afterwards lists the container and can start it.
What stands behind the image is the command's, but for flags of every command (--root, --json and so on) at the very end; with -- before the image those are the command's, too.`;
  static override readonly usage = "create IMAGE [COMMAND...] [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> create --name web nginx:latest",
    {
      description: "Flags behind the image are the command's",
      command: "<%= config.bin %> create -e DEBUG=1 app:1 sh -ec 'env'",
    },
    { description: "What the image would not run", command: "<%= config.bin %> create --entrypoint /bin/sh app:1 -l" },
  ];
  // What follows the image is the command.
  static override readonly strict = false;
  static override readonly args = {
    image: stringArg({ required: true, ignoreStdin: true, description: "Name, id, or the beginning of an id." }),
  };
  static override readonly flags = {
    name: string({ summary: "Name of the container; one is made up otherwise." }),
    env: string({
      char: "e",
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "NAME=VALUE",
      summary: "Environment variable; NAME alone takes its value from here. Repeatable.",
    }),
    workdir: string({ char: "w", helpValue: "DIR", summary: "Working directory; made where it is missing." }),
    entrypoint: string({ helpValue: "PROGRAM", summary: "Instead of the image's; empty for none." }),
    hostname: string({ summary: "Host name; otherwise the beginning of the id." }),
    label: string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "KEY=VALUE",
      summary: "Label. Repeatable.",
    }),
    force: forceFlag,
  };

  async run() {
    const { args, flags, argv } = await this.parse(Create);
    const { createContainer } = await import("../container/create.js");
    await using store = await this.writer(flags);
    const created = await createContainer(store, args.image, {
      // As docker: an empty name is none.
      name: flags.name || null,
      command: argv.map(String).slice(1),
      env: variablesOf(flags.env ?? [], process.env),
      workingDir: flags.workdir ?? null,
      entrypoint: flags.entrypoint ?? null,
      hostname: flags.hostname ?? null,
      labels: labelsOf(flags.label ?? []),
      signal: this.signal,
    });
    await this.tell(created.warnings, flags);
    return this.answer({ id: created.id }, flags, { text: () => created.id, ids: () => [created.id] });
  }
}

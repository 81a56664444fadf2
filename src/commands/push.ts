import { OvlCommand } from "../cli/base.js";
import { jobsFlag } from "../cli/flags.js";
import { string } from "../cli/oclif/args.js";
import { credentialFlags, trustFlags } from "../cli/registry-flags.js";
import { pushedText } from "../cli/views/push.js";

export default class Push extends OvlCommand {
  static override readonly summary = "Upload an image to a registry.";
  static override readonly description =
    `Layers are put together again, checked against their diff_ids and compressed always in the same way. What the registry has already is not sent; what it has in another repository is taken over from there; a layer that came from this registry goes back as the very blob that it was. The manifest comes last.
Credentials are those of docker login, podman login and ovl login.`;
  static override readonly usage = "push IMAGE [REF] [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> push registry.example.com/team/app:1.2",
    { description: "Under another name", command: "<%= config.bin %> push app:1 registry.example.com/team/app:1.2" },
    {
      description: "What was pushed, for scripts",
      command: "<%= config.bin %> push localhost:5000/app:1 --json | jq -r .digest",
    },
  ];
  static override readonly args = {
    image: string({ required: true, ignoreStdin: true, description: "Name, id, or the beginning of an id." }),
    ref: string({ ignoreStdin: true, description: "Where it goes; default: the name itself." }),
  };
  static override readonly flags = { jobs: jobsFlag, ...trustFlags, ...credentialFlags };

  async run() {
    const { args, flags } = await this.parse(Push);
    const { pushImage } = await import("../cli/push-image.js");
    const registry = await this.registry(flags);
    await using store = await this.reader(flags);
    using progress = await this.progress(flags, "packing");
    const { signal } = this;
    const pushed = await pushImage(
      store,
      (until) => this.writer({ ...flags, force: false }, "exists", until),
      args.image,
      {
        ...{ registry, signal, progress },
        ...{ target: args.ref, jobs: flags.jobs },
      },
    );
    progress[Symbol.dispose]();
    return this.answer(pushed, flags, { text: () => pushedText(pushed), ids: () => [pushed.digest] });
  }
}

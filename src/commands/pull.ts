import { OvlCommand, type WriteFlags } from "../cli/base.js";
import { expectFlag, forceFlag, jobsFlag, maxLayerSizeFlag, platformFlag } from "../cli/flags.js";
import { string as stringArg } from "../cli/oclif/args.js";
import { boolean, string } from "../cli/oclif/flags.js";
import type { PullFlags } from "../cli/pull-sources.js";
import { type RegistryFlags, registryFlags } from "../cli/registry-flags.js";
import { pulledText } from "../cli/views/pull.js";

export default class Pull extends OvlCommand {
  static override readonly summary: string = "Bring images into the root.";
  static override readonly description: string =
    `Every byte is checked against its digest, every layer against its diff_id, before anything is registered; what fails leaves nothing behind. Layers that are there already are not extracted again.
SOURCE is an OCI layout (oci:DIR[:NAME]), an archive (oci-archive:FILE[:NAME], docker-archive:FILE[:NAME]), the path of either, compressed or not, or - for an archive on stdin; anything else, and docker://REF, is an image of a registry.`;
  static override readonly usage: string = "pull SOURCE... [FLAGS]";
  static override readonly examples: typeof OvlCommand.examples = [
    { description: "From a registry", command: "<%= config.bin %> pull registry.example.com/team/app:1.2" },
    { description: "An archive, whatever its kind", command: "<%= config.bin %> pull ./app.oci.tar" },
    { description: "Under a name of your own", command: "<%= config.bin %> pull ./app.tar -t app:1.2" },
    {
      description: "Only the very image that was reviewed",
      command:
        "<%= config.bin %> pull ./app.tar --expect sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1",
    },
    {
      description: "Into Docker's own root, while dockerd is stopped",
      command: "<%= config.bin %> pull ./app.tar --root /var/lib/docker",
    },
  ];
  static override readonly args = {
    source: stringArg({ multiple: true, ignoreStdin: true, description: "Where the images come from." }),
  };
  static override readonly flags = {
    tag: string({
      char: "t",
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "NAME",
      summary: "Name that the image gets as well; repeatable.",
    }),
    platform: platformFlag,
    all: boolean({ summary: "Every image of an archive; the default for archives." }),
    expect: expectFlag,
    strict: boolean({ summary: "Refuse layers that could not be given back bit for bit, instead of warning." }),
    jobs: jobsFlag,
    "max-layer-size": maxLayerSizeFlag,
    force: forceFlag,
    ...registryFlags,
  };

  async run() {
    const { args, flags } = await this.parse(Pull);
    return this.pull(args.source ?? [], flags);
  }

  protected async pull(sources: readonly string[], flags: WriteFlags & PullFlags & RegistryFlags) {
    const [{ pullPlan }, { openSources }, { pull }] = await Promise.all([
      import("../cli/pull-sources.js"),
      import("../cli/open-sources.js"),
      import("../store/pull.js"),
    ]);
    const { signal } = this;
    const plan = await pullPlan(sources, flags, await this.registry(flags));
    const { platform, registry, options } = plan;
    // Before the root is looked at: where there is nothing to bring, none is made.
    await using opened = await openSources(plan.sources, { platform, registry, ...options }, signal);
    await using store = await this.writer(flags, "create");
    using progress = await this.progress(flags, "extracting");
    const { images, warnings } = await pull(store, opened.images, { ...options, progress, signal });
    progress[Symbol.dispose]();
    await this.tell(warnings, flags);
    return this.answer({ images }, flags, { text: () => pulledText(images), ids: () => images.map(({ id }) => id) });
  }
}

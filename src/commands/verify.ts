import { OvlCommand } from "../cli/base.js";
import { expectFlag, jobsFlag, maxLayerSizeFlag, platformFlag } from "../cli/flags.js";
import { string } from "../cli/oclif/args.js";
import { boolean } from "../cli/oclif/flags.js";
import { registryFlags } from "../cli/registry-flags.js";
import { verifyText } from "../cli/views/verify.js";

export default class Verify extends OvlCommand {
  static override readonly summary = "Recompute everything that an image claims to be.";
  static override readonly description =
    "Blob digests and sizes, diff_ids, the image id, ChainIDs; of a stored image, each layer rebuilt bit for bit from tar-split and the files on disk. Every problem is listed, not only the first. Exit 1 if anything differs; where something only cannot be read or looked at, the status of the first of these. Nothing is changed.";
  static override readonly usage = "verify IMAGE|SOURCE... [FLAGS]";
  static override readonly examples = [
    { description: "Everything in Docker's root", command: "<%= config.bin %> verify --all --root /var/lib/docker" },
    "<%= config.bin %> verify ./app.oci.tar",
    {
      description: "Pin an image in CI",
      command:
        "<%= config.bin %> verify ./app.tar --expect sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1",
    },
    {
      description: "List what is wrong",
      command: "<%= config.bin %> verify ./app.tar --json | jq '.targets[].problems[]'",
    },
  ];
  static override readonly args = {
    target: string({ multiple: true, ignoreStdin: true, description: "Stored image or SOURCE." }),
  };
  static override readonly flags = {
    all: boolean({ char: "a", summary: "Every stored image." }),
    expect: expectFlag,
    platform: platformFlag,
    ...registryFlags,
    jobs: jobsFlag,
    "max-layer-size": maxLayerSizeFlag,
  };

  async run() {
    const { args, flags } = await this.parse(Verify);
    const { verifyTargets } = await import("../cli/verify-targets.js");
    await using targets = await this.targets(flags);
    using progress = await this.progress(flags, "verifying");
    const { verified, exit } = await verifyTargets(targets, args.target ?? [], flags, {
      progress,
      signal: this.signal,
    });
    progress[Symbol.dispose]();
    if (exit !== 0) process.exitCode = exit;
    const color = await this.color(flags);
    return this.answer(verified, flags, {
      text: () => verifyText(verified, color),
      ids: () => verified.targets.map(({ target, imageId }) => imageId ?? target),
    });
  }
}

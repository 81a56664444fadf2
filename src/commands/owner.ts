import { OvlCommand } from "../cli/base.js";
import { string } from "../cli/oclif/args.js";
import { ownerText } from "../cli/views/owner.js";

export default class Owner extends OvlCommand {
  static override readonly summary = "Say whose a directory, a path, a mount or an id is.";
  static override readonly description =
    `Takes what is at hand: a path below overlay2/ wherever the root lay when it was written down, a line of df, du, lsof, mount or /proc/mounts, a short name below l/, a cache id, a diff_id, a ChainID, an image or container id, the beginning of any of them, or a name. What means several directories has an answer for each.
image-layer: a layer; without a chain id no entry of layerdb names it, but a pull under way or a damaged entry may have it, so it is no orphan. build-cache: BuildKit's, by its own database. container: its read-write layer. container-init: its init layer. orphan: a directory that nothing names.`;
  static override readonly usage = "owner PATH|ID... [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> owner /var/lib/docker/overlay2/4f0c93d5.../diff/var/lib/app.db --root /var/lib/docker",
    {
      description: "Of every overlay mount",
      command: "grep ^overlay /proc/mounts | xargs -d '\\n' <%= config.bin %> owner",
    },
    {
      description: "The largest directories, and whose they are",
      command: "du -sx /var/lib/docker/overlay2/* | sort -n | tail | xargs -d '\\n' <%= config.bin %> owner",
    },
  ];
  static override readonly args = {
    query: string({ required: true, multiple: true, ignoreStdin: true, description: "Path, line, id or name." }),
  };

  async run() {
    const { args, flags } = await this.parse(Owner);
    const { findOwners } = await import("../audit/owner.js");
    await using store = await this.reader(flags);
    const { owners, missing } = findOwners(store, args.query);
    await this.tell(store.layout.warnings, flags);
    if (missing !== null && this.jsonEnabled()) throw missing;
    const answer = this.answer({ owners }, flags, {
      text: () => ownerText(owners, { trunc: !flags["no-trunc"] }),
      ids: () => owners.map(({ cacheId, chainId }) => cacheId ?? chainId ?? ""),
    });
    // What is known comes before the complaint about the rest.
    if (missing !== null) throw missing;
    return answer;
  }
}

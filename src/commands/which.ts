import { OvlCommand } from "../cli/base.js";
import { string } from "../cli/oclif/args.js";
import { whichText } from "../cli/views/which.js";

export default class Which extends OvlCommand {
  static override readonly summary = "Show which layer serves a path, and what every other layer has there.";
  static override readonly description =
    `Top to bottom: the layer that serves PATH, the copies that it hides, and the whiteout or opaque directory that deleted it. A directory is served by every layer that it is merged from, its attributes by the topmost. Symlinks on the way to PATH are followed inside the image; PATH itself is not.
serves: it is from here. hidden: there, below another. whiteout: deleted here. opaque: hidden by a directory of this layer, or by what it has in a directory's place. absent: nothing.`;
  static override readonly usage = "which CONTAINER|IMAGE PATH [FLAGS]";
  static override readonly examples = [
    "<%= config.bin %> which app:1 /etc/passwd",
    "<%= config.bin %> which web /var/log/app.log --root /var/lib/docker",
    {
      description: "The file itself, on disk",
      command:
        '<%= config.bin %> chain app:1 --dirs | sed -n "$(( $(<%= config.bin %> which app:1 /etc/passwd --json | jq .servedBy.index) + 1 ))p"',
    },
  ];
  static override readonly args = {
    target: string({ required: true, ignoreStdin: true, description: "Container or stored image." }),
    path: string({ required: true, ignoreStdin: true, description: "Path in it." }),
  };

  async run() {
    const { args, flags } = await this.parse(Which);
    await using store = await this.reader(flags);
    const [{ openRootfs, openSingleLayer }, { which }] = await Promise.all([
      import("../rootfs/open.js"),
      import("../rootfs/which.js"),
    ]);
    using opened = openRootfs(store, args.target);
    const { union, layers } = opened;
    const answer = which(union, layers, (layer) => openSingleLayer(store, layer), args.path);
    await this.tell(union.warnings, flags);
    return this.answer(answer, flags, {
      text: () => whichText(answer, { trunc: !flags["no-trunc"] }),
      ids: () => (answer.servedBy === null ? [] : [answer.servedBy.cacheId]),
    });
  }
}

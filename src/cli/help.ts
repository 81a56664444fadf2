/** oclif's help, with the commands of the first page in groups instead of one long list. */
import type { Command } from "@oclif/core/command";
import { Help } from "@oclif/core/help";

/** In the order of the README. A command that is in no group comes last, under OTHER. */
const GROUPS: readonly (readonly [title: string, ids: string])[] = [
  ["IMAGES", "pull load images inspect history chain id verify save import tag rmi prune push login logout"],
  ["CONTAINERS", "create ps mount umount diff commit export rootfs cp rm"],
  ["ROOTS", "info owner which files du waste timeline fsck"],
];

export default class GroupedHelp extends Help {
  protected override formatCommands(commands: Command.Loadable[]): string {
    // Below the first page, as in `ovl help autocomplete`, oclif's own list will do.
    if (!commands.some(({ id }) => id === "pull")) return super.formatCommands(commands);
    const groups = GROUPS.map(([title, ids]) => [title, ids.split(" ")] as const);
    const grouped = new Set(groups.flatMap(([, ids]) => ids));
    const rest = commands.map(({ id }) => id).filter((id) => !grouped.has(id));
    return [...groups, ["OTHER", rest] as const]
      .map(([title, ids]) => this.#group(title, ids, commands))
      .filter((section) => section !== "")
      .join("\n\n");
  }

  #group(title: string, ids: readonly string[], commands: readonly Command.Loadable[]): string {
    const rows = ids.flatMap((id): [string, string | undefined][] => {
      const command = commands.find((candidate) => candidate.id === id && !candidate.aliases.includes(id));
      return command === undefined ? [] : [[id, this.summary(command)]];
    });
    if (rows.length === 0) return "";
    return this.section(
      title,
      this.renderList(rows, { indentation: 2, spacer: "\n", stripAnsi: this.opts.stripAnsi ?? false }),
    );
  }
}

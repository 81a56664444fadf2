/** oclif's help, with the commands of the first page in groups instead of one long list. */
import type { Command } from "@oclif/core/command";
import { Help } from "@oclif/core/help";

const GROUPS: readonly (readonly [title: string, ids: readonly string[]])[] = [
  ["IMAGES", ["pull", "load", "images", "inspect", "history", "chain", "id", "verify", "tag", "rmi", "prune"]],
  ["ROOTS", ["info"]],
];

export default class GroupedHelp extends Help {
  protected override formatCommands(commands: Command.Loadable[]): string {
    // Below the first page, as in `ovl help autocomplete`, oclif's own list will do.
    if (!commands.some(({ id }) => id === "pull")) return super.formatCommands(commands);
    const grouped = new Set(GROUPS.flatMap(([, ids]) => ids));
    const rest = commands.map(({ id }) => id).filter((id) => !grouped.has(id));
    return [...GROUPS, ["OTHER", rest] as const].map(([title, ids]) => this.#group(title, ids, commands)).join("\n\n");
  }

  #group(title: string, ids: readonly string[], commands: readonly Command.Loadable[]): string {
    const rows = ids.flatMap((id): [string, string | undefined][] => {
      const command = commands.find((candidate) => candidate.id === id && !candidate.aliases.includes(id));
      return command === undefined ? [] : [[id, this.summary(command)]];
    });
    return this.section(
      title,
      this.renderList(rows, { indentation: 2, spacer: "\n", stripAnsi: this.opts.stripAnsi ?? false }),
    );
  }
}

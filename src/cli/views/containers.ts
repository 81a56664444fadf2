/** `ovl ps` for people: docker's columns. */
import type { ListedContainer } from "../../container/list.js";
import type { ContainerState } from "../../container/state.js";
import { goQuote } from "../../model/go-quote.js";
import { familiarString, referenceOf } from "../../model/reference.js";
import { ellipsis } from "../cells.js";
import { type Column, table } from "../table.js";
import { humanAge, humanDuration, shortId } from "../units.js";

/** Cells of a command in a table. */
const COMMAND_WIDTH = 20;

export function containerTable(containers: readonly ListedContainer[], { trunc }: { trunc: boolean }): string {
  const columns: Column<ListedContainer>[] = [
    { head: "CONTAINER ID", cell: ({ summary }) => (trunc ? shortId(summary.id) : summary.id) },
    { head: "IMAGE", cell: ({ summary }) => imageCell(summary.image, trunc) },
    { head: "COMMAND", cell: ({ summary }) => commandCell(summary.command, trunc) },
    { head: "CREATED", cell: ({ summary }) => humanAge(summary.created) },
    { head: "STATUS", cell: ({ state }) => statusText(state) },
    { head: "PORTS", cell: ({ ports }) => ports },
    { head: "NAMES", cell: ({ summary }) => summary.name },
  ];
  return table(columns, containers);
}

/** moby container/state.go, `String`. */
export function statusText(state: ContainerState): string {
  switch (state.status) {
    case "running":
      return `Up ${since(state.startedAt)}${healthText(state.health)}`;
    case "paused":
      return `Up ${since(state.startedAt)} (Paused)`;
    case "restarting":
      return `Restarting (${state.exitCode}) ${since(state.finishedAt)} ago`;
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
    case "created":
      return "Created";
    case "exited":
      // Nobody was there to note when and how.
      if (state.stale) return "Exited (process gone)";
      return state.finishedAt === null ? "" : `Exited (${state.exitCode}) ${since(state.finishedAt)} ago`;
  }
}

function since(time: string | null): string {
  return humanDuration(time === null ? 0 : (Date.now() - Date.parse(time)) / 1000);
}

function healthText(health: string | null): string {
  if (health === null) return "";
  return ` (${health === "starting" ? "health: starting" : health})`;
}

/** Without digest where there is a name, and short where the name is an id. */
function imageCell(image: string, trunc: boolean): string {
  if (image === "") return "<no image>";
  if (!trunc) return image;
  if (/^(?:sha256:)?[0-9a-f]{12,64}$/.test(image)) return shortId(image);
  const reference = referenceOf(image);
  return reference === null ? image : familiarString({ ...reference, digest: null });
}

/** Cut before it is quoted. */
function commandCell(command: string, trunc: boolean): string {
  return goQuote(trunc ? ellipsis(command, COMMAND_WIDTH) : command);
}

/** `ovl history` for people: docker's columns. */
import { ellipsis } from "../cells.js";
import { table } from "../table.js";
import { humanAge, humanSize, shortId } from "../units.js";

/** What the table needs of a step. */
export interface HistoryRow {
  readonly imageId: string | null;
  readonly created: string | null;
  readonly createdBy: string;
  readonly comment: string;
  readonly size: number | null;
}

/** What docker cuts "CREATED BY" to. */
const COMMAND_WIDTH = 45;
/** docker, for steps whose image the store does not have. */
const MISSING = "<missing>";

export function historyTable(rows: readonly HistoryRow[], options: { trunc: boolean }): string {
  const { trunc } = options;
  return table<HistoryRow>(
    [
      { head: "IMAGE", cell: (row) => shownId(row, trunc) },
      { head: "CREATED", cell: ({ created }) => humanAge(created) },
      {
        head: "CREATED BY",
        cell: ({ createdBy }) => (trunc ? ellipsis(oneLine(createdBy), COMMAND_WIDTH) : createdBy),
      },
      { head: "SIZE", cell: ({ size }) => (size === null ? "" : humanSize(size)) },
      { head: "COMMENT", cell: ({ comment }) => comment },
    ],
    rows,
  );
}

function oneLine(text: string): string {
  return text.replace(/[\t\r\n]/g, " ");
}

/** With `-q`: a line a step, as docker has it. */
export function historyIds(rows: readonly HistoryRow[], options: { trunc: boolean }): string[] {
  return rows.map((row) => shownId(row, options.trunc));
}

function shownId({ imageId }: HistoryRow, trunc: boolean): string {
  return imageId === null ? MISSING : trunc ? shortId(imageId) : imageId;
}

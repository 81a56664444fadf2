/** Tables in docker's form: upper-case heads, left-aligned columns at least ten wide and three apart. */
import { cellWidth, padEnd } from "./cells.js";

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
}

const MIN_WIDTH = 10;
const GAP = 3;

/** Lines without the last newline. No line has trailing blanks. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const grid = [columns.map(({ head }) => head), ...rows.map((row) => columns.map(({ cell }) => clean(cell(row))))];
  const widths = columns.map((_, at) => Math.max(MIN_WIDTH, ...grid.map((line) => cellWidth(line[at] ?? "") + GAP)));
  return grid
    .map((line) =>
      line
        .map((text, at) => padEnd(text, widths[at] ?? 0))
        .join("")
        .trimEnd(),
    )
    .join("\n");
}

/** A cell is one line and drives no terminal. */
function clean(text: string): string {
  return text
    .replace(/[\t\n\r]+/g, " ")
    .replace(/[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");
}

/** `ovl diff` for people: the lines of `docker diff`. */
import { shown } from "./files.js";

/** What the line needs of a change. */
export interface ChangeLine {
  readonly kind: "A" | "C" | "D";
  readonly path: string;
}

export function changeLine({ kind, path }: ChangeLine): string {
  return `${kind} ${shown(path)}`;
}

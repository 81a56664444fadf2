/** `ovl files` for people: a line an object, as `ls -l` has it. */
import { byteStringOf, displayName } from "../../model/bytes.js";

/** What the line needs of an object. */
export interface FileLine {
  readonly path: string;
  readonly type: string;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: string;
  readonly linkTarget: string | null;
}

const LETTERS: Readonly<Record<string, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  char: "c",
  block: "b",
  fifo: "p",
  socket: "s",
  whiteout: "w",
};

export function fileLine({ path, type, mode, uid, gid, size, mtime, linkTarget }: FileLine): string {
  const target = linkTarget === null ? "" : ` -> ${shown(linkTarget)}`;
  const owner = `${uid}:${gid}`.padEnd(9);
  const when = mtime.slice(0, 19).replace("T", " ");
  return `${LETTERS[type] ?? "?"}${permissions(Number.parseInt(mode, 8))} ${owner} ${String(size).padStart(10)} ${when} ${shown(path)}${target}`;
}

/** No control character of a name reaches the terminal. */
export function shown(name: string): string {
  return displayName(byteStringOf(name));
}

/** `rwsr-xr-t`: setuid, setgid and sticky stand in the place of the x that they go with. */
function permissions(mode: number): string {
  const triple = (shift: number, special: boolean, letter: string) => {
    const bits = mode >> shift;
    const execute = (bits & 1) !== 0;
    const last = special ? (execute ? letter : letter.toUpperCase()) : execute ? "x" : "-";
    return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${last}`;
  };
  return (
    triple(6, (mode & 0o4000) !== 0, "s") +
    triple(3, (mode & 0o2000) !== 0, "s") +
    triple(0, (mode & 0o1000) !== 0, "t")
  );
}

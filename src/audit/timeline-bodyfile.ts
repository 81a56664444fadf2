/**
 * The Sleuth Kit's body file, version 3: MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime, a line a file,
 * times in whole seconds, 0 for what is not known. mactime splits lines at every `|` and knows no escape; plaso reads
 * `\xNN`. So what would break a line is written as `\xNN`, a backslash too.
 */
import type { EntryType } from "../rootfs/entry.js";
import { deletionTime, type FileFact, type TimelineEvent } from "./timeline-event.js";

export function fileLine(fact: FileFact): string {
  const { stat, type, label, path, kind } = fact;
  const inode = stat.identity.slice(stat.identity.lastIndexOf(":") + 1);
  const owner = [String(stat.uid), String(stat.gid)];
  if (kind === "deleted") {
    // The times are the whiteout's own: when the name went. What it named was the image's.
    const { sec } = deletionTime(fact).at;
    return line(`${label}:${path} (deleted)`, inode, "-/----------", owner, 0, [0, 0, sec, 0]);
  }
  const name = kind === "log" ? path : `${label}:${path}`;
  const times = [stat.atime.sec, stat.mtime.sec, stat.ctime.sec, 0];
  return line(name, inode, modeText(type, stat.mode), owner, stat.size, times);
}

/** What no file stands for, under a name that says so. */
export function eventLine({ time, kind, image, container, chainId, detail }: TimelineEvent): string {
  const what = [kind, container ?? image ?? "", chainId ?? "", detail].filter((part) => part !== "").join(" ");
  const sec = Math.floor(Date.parse(time) / 1000);
  return line(`[${what}]`, "0", "-/----------", ["0", "0"], 0, [0, sec, 0, 0]);
}

function line(
  name: string,
  inode: string,
  mode: string,
  owner: readonly string[],
  size: number,
  times: readonly number[],
): string {
  return ["0", escaped(name), inode, mode, ...owner, size, ...times].join("|");
}

function escaped(name: string): string {
  return name.replace(/[\\|\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (char) =>
    Buffer.from(char).reduce((text, byte) => `${text}\\x${byte.toString(16).padStart(2, "0")}`, ""),
  );
}

const LETTERS: Readonly<Record<EntryType, string>> = {
  file: "r",
  directory: "d",
  symlink: "l",
  char: "c",
  block: "b",
  fifo: "p",
  socket: "s",
  whiteout: "-",
};

/** Type by name and by inode, then as `ls -l`: `r/rrwxr-xr-x`. */
function modeText(type: EntryType, mode: number): string {
  const letter = LETTERS[type];
  const bit = (mask: number, char: string) => ((mode & mask) !== 0 ? char : "-");
  const execute = (mask: number, special: number, char: string) => {
    if ((mode & special) === 0) return bit(mask, "x");
    return (mode & mask) !== 0 ? char : char.toUpperCase();
  };
  const user = bit(0o400, "r") + bit(0o200, "w") + execute(0o100, 0o4000, "s");
  const group = bit(0o40, "r") + bit(0o20, "w") + execute(0o10, 0o2000, "s");
  return `${letter}/${letter}${user}${group}${bit(0o4, "r")}${bit(0o2, "w")}${execute(0o1, 0o1000, "t")}`;
}

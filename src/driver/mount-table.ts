/** What is mounted where, as the kernel tells this process: proc(5), /proc/self/mountinfo. */
import { readFileSync } from "node:fs";

export interface MountEntry {
  /** `major:minor` of the filesystem. */
  readonly device: string;
  /** Which directory of the filesystem is mounted: `/` but for bind mounts. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly readOnly: boolean;
  /** Options of the filesystem, such as `lowerdir`; "" for those without a value. */
  readonly options: ReadonlyMap<string, string>;
}

/** In the order in which they were made; empty where the kernel does not tell. */
export function mountTable(): MountEntry[] {
  let text: string;
  try {
    text = readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return [];
  }
  return parseMountInfo(text);
}

/** `36 35 98:0 /root /point rw,noatime shared:1 - type source options`: optional fields end with a hyphen. */
export function parseMountInfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const fields = line.split(" ");
    const end = fields.indexOf("-", 6);
    if (end < 0) continue;
    const [device = "", root = "", point = "", flags = ""] = fields.slice(2);
    const options = fields[end + 3] ?? "";
    entries.push({
      device,
      root: unescapeOctal(root),
      point: unescapeOctal(point),
      type: fields[end + 1] ?? "",
      readOnly: flags.split(",").includes("ro") || options.split(",").includes("ro"),
      options: new Map(options.split(",").map(optionOf)),
    });
  }
  return entries;
}

function optionOf(option: string): [string, string] {
  const equals = option.indexOf("=");
  return equals < 0 ? [option, ""] : [option.slice(0, equals), unescapeOctal(option.slice(equals + 1))];
}

/** The kernel writes blanks, line ends, commas and backslashes as `\ooo`, the bytes of UTF-8 as they are. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

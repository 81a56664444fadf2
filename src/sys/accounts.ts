/** What this machine calls owners: /etc/passwd and /etc/group. */
import { readFileSync } from "node:fs";
import type { ByteString } from "../model/bytes.js";

/** Names by id, of users or of groups. */
export type AccountNames = ReadonlyMap<number, ByteString>;

export function userNames(): AccountNames {
  return namesIn("/etc/passwd");
}

export function groupNames(): AccountNames {
  return namesIn("/etc/group");
}

/** `name:password:id:…` a line; of several names of an id the first counts. No file, no names. */
function namesIn(file: string): AccountNames {
  const names = new Map<number, ByteString>();
  for (const line of textOf(file).split("\n")) {
    const [name = "", , id = ""] = line.split(":");
    if (name === "" || name.startsWith("#") || !/^[0-9]{1,10}$/.test(id) || names.has(Number(id))) continue;
    names.set(Number(id), name as ByteString);
  }
  return names;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

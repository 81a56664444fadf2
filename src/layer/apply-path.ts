/** Where a cleaned name is below the layer's root. */
import type { ByteString } from "../model/bytes.js";
import { cleanPath, escapes } from "../tar/clean.js";
import type { EntryPath } from "./apply-target.js";
import { parentOf } from "./jail.js";

/** PATH_MAX, without its NUL. dockerd makes paths of a slash and the whole name. */
const LONGEST = 4095;

/** Whether a name as it is in the archive climbs above the layer's root, which a leading slash only names. */
export function leadsOut(name: ByteString): boolean {
  return name.includes("..") && escapes(cleanPath(relative(name)));
}

/** Without leading slashes. */
export function relative(name: ByteString): ByteString {
  return name.replace(/^\/+/, "") as ByteString;
}

/** A cleaned name with the layer as `/`: without leading slash and `..`; empty for the root itself. */
export function insideLayer(cleaned: ByteString): ByteString {
  if (cleaned === "." || cleaned === "..") return "" as ByteString;
  if (cleaned.charCodeAt(0) === 0x2f) return cleaned.slice(1) as ByteString;
  let path: string = cleaned;
  while (path.startsWith("../")) path = path.slice(3);
  return (path === ".." ? "" : path) as ByteString;
}

/** Splits a path inside the layer. The root's own entry is `.` in the root. */
export function entryPath(path: ByteString): EntryPath {
  if (path === "") return { path, parent: path, base: "." as ByteString };
  const parent = parentOf(path);
  return { path, parent, base: (parent === "" ? path : path.slice(parent.length + 1)) as ByteString };
}

export function isTooLong(path: ByteString): boolean {
  return path.length + 1 > LONGEST;
}

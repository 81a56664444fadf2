/** Names of entries as paths. Lexical only: nothing here knows what is a symlink. */
import type { ByteString } from "../model/bytes.js";

/**
 * Go's `filepath.Clean`, by which both the extractor and tar-split compare names: no `//`, no `.`, no trailing
 * slash, `a/..` resolved. A leading slash stays, and so do leading `..` of a relative name. Empty becomes `.`.
 */
export function cleanPath(name: ByteString): ByteString {
  const plain = unadorned(name);
  if (isClean(plain)) return plain;
  const rooted = name.startsWith("/");
  const kept: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.length > 0 && kept[kept.length - 1] !== "..") kept.pop();
    else if (!rooted) kept.push(part);
  }
  const path = kept.join("/");
  return (rooted ? `/${path}` : path || ".") as ByteString;
}

/** Whether a relative name, cleaned, leaves the directory that it is relative to. */
export function escapes(cleaned: ByteString): boolean {
  return cleaned === ".." || cleaned.startsWith("../");
}

/** The last component of a cleaned name. */
export function baseName(cleaned: ByteString): ByteString {
  return cleaned.slice(cleaned.lastIndexOf("/") + 1) as ByteString;
}

const SLASH = 0x2f;
const DOT = 0x2e;

/** Without the `./` that tar writes before names, and the slash that it writes behind those of directories. */
function unadorned(name: ByteString): ByteString {
  const from = name.startsWith("./") && name.charCodeAt(2) !== SLASH ? 2 : 0;
  const to = name.length > from + 1 && name.charCodeAt(name.length - 1) === SLASH ? name.length - 1 : name.length;
  return (from === to ? name : name.slice(from, to)) as ByteString;
}

/** True only for names that need no work: the common case, found in one pass. */
function isClean(name: string): boolean {
  if (name === "" || name.charCodeAt(name.length - 1) === SLASH) return name === "/";
  let previous = SLASH;
  for (let i = name.charCodeAt(0) === SLASH ? 1 : 0; i < name.length; i++) {
    const char = name.charCodeAt(i);
    if (previous === SLASH && (char === SLASH || char === DOT)) return false;
    previous = char;
  }
  return true;
}

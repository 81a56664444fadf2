/** Where docker's cp takes from and where it puts to: what a slash or a dot at the end means, and what is there. */
import { OvlError } from "../errors.js";
import { parentOf } from "../layer/jail.js";
import { type ByteString, byteStringOf } from "../model/bytes.js";
import { nameText } from "../rootfs/describe.js";
import { shownPath } from "../rootfs/entry.js";
import type { Located } from "../rootfs/locate.js";
import type { Union } from "../rootfs/union.js";
import { baseName, cleanPath } from "../tar/clean.js";

/** One side of a copy. */
export type CopyEnd =
  | { readonly kind: "container"; readonly container: string; readonly path: string }
  | { readonly kind: "local"; readonly path: string }
  | { readonly kind: "stream" };

/** As docker reads it: what starts with `/` or `.` is a path, and so is what has no colon. Throws USAGE. */
export function copyEnd(text: string): CopyEnd {
  if (text === "-") return { kind: "stream" };
  const colon = text.indexOf(":");
  if (/^[/.]/.test(text) || colon < 0) return { kind: "local", path: text };
  const [container, path] = [text.slice(0, colon), text.slice(colon + 1)];
  if (container !== "" && path !== "") return { kind: "container", container, path };
  throw new OvlError("USAGE", `${JSON.stringify(text)} names no path in a container: expected CONTAINER:PATH`);
}

export interface CopySource extends Disposable {
  readonly located: Located;
  readonly isDirectory: boolean;
  /** Its name as asked for; empty for `DIR/.`, which means what is in the directory. */
  readonly name: ByteString;
}

/** @param path absolute; @param follows a symlink that the path names. Throws NOT_FOUND. */
export function copySource(union: Union, path: string, follows: boolean): CopySource {
  const text = byteStringOf(path);
  const located = union.locate(text, follows ? "all" : "parents");
  if (located.entry === null) {
    located[Symbol.dispose]();
    const why = located.obstacle === null ? "" : `: ${shownPath(located.directory.path)} has no such directory`;
    const shown = nameText(text);
    throw new OvlError("NOT_FOUND", `no such path: ${shown}${why}`, { path: shown });
  }
  const asked = baseName(cleanPath(text));
  const isContent = /(^|\/)\.$/.test(path) || located.path === "";
  return {
    located,
    isDirectory: located.entry.type === "directory",
    name: isContent ? ("" as ByteString) : asked === ".." ? baseName(located.path) : asked,
    [Symbol.dispose]: () => located[Symbol.dispose](),
  };
}

export interface CopyTarget {
  /** That is there, without symlinks. */
  readonly directory: ByteString;
  /** Of what is copied, in it; empty: what is in the source goes straight into it. */
  readonly name: ByteString;
}

/**
 * @param path absolute, symlinks in it are followed; @param source null for a tar, which needs a directory
 * Throws NOT_FOUND, USAGE.
 */
export function copyTarget(
  union: Union,
  path: string,
  source: Pick<CopySource, "isDirectory" | "name"> | null,
): CopyTarget {
  using found = union.locate(byteStringOf(path), "all");
  const { entry, directory, missing } = found;
  if (entry?.type === "directory") return { directory: found.path, name: source?.name ?? ("" as ByteString) };
  if (source === null)
    throw new OvlError("USAGE", `${path} must be a directory that is there: a tar goes into it`, { path });
  if (entry !== null) {
    if (source.isDirectory) throw new OvlError("USAGE", `cannot copy a directory to ${path}, which is none`, { path });
    return { directory: directory.path, name: baseName(found.path) };
  }
  const [name, ...further] = missing;
  const wantsDirectory = /(^|\/)\.?$/.test(path) && !source.isDirectory;
  if (name === undefined || further.length > 0 || found.obstacle !== null || wantsDirectory) {
    const where = wantsDirectory ? shownPath(found.path) : shownPath(parentOf(found.path));
    throw new OvlError("NOT_FOUND", `no such directory: ${where}`, { path: where });
  }
  return { directory: directory.path, name };
}

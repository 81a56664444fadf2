/** Tar entries without a tar, and what applying them leaves on disk. */
import { mkdirSync } from "node:fs";
import type { ByteSource } from "../../src/blob/byte-source.js";
import { type ApplyOptions, type ApplySummary, LayerApplier } from "../../src/layer/apply.js";
import type { ByteString } from "../../src/model/bytes.js";
import type { TarEntry, TarTime, TarType } from "../../src/tar/entry.js";
import { scratch } from "./tmp.js";
import { readTree, type Tree } from "./tree.js";

/** mtime of entries that do not say, in seconds. */
export const MTIME = 1_000_000_000;

export interface EntryOptions extends Partial<Omit<TarEntry, "name" | "type" | "mtime" | "atime" | "xattrs">> {
  readonly mtime?: TarTime | number;
  readonly atime?: TarTime | number;
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** An entry with its payload. Names are Latin-1: one char a byte. */
export interface Item {
  readonly entry: TarEntry;
  readonly content: Uint8Array;
}

export function item(type: TarType, name: string, options: EntryOptions = {}, content = ""): Item {
  const { mtime = MTIME, atime = null, xattrs = {}, ...rest } = options;
  const bytes = Buffer.from(content, "latin1");
  const entry: TarEntry = {
    name: name as ByteString,
    linkName: "" as ByteString,
    type,
    typeFlag: 0x30,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: bytes.length,
    devMajor: 0,
    devMinor: 0,
    sparse: false,
    ...rest,
    mtime: time(mtime),
    atime: atime === null ? null : time(atime),
    xattrs: new Map(Object.entries(xattrs).map(([key, value]) => [key as ByteString, Buffer.from(value, "latin1")])),
  };
  return { entry, content: bytes };
}

export const file = (name: string, content = "", options?: EntryOptions) => item("file", name, options, content);
export const dir = (name: string, options?: EntryOptions) => item("directory", name, { mode: 0o755, ...options });
export const symlink = (name: string, link: string, options?: EntryOptions) =>
  item("symlink", name, { mode: 0o777, ...options, linkName: link as ByteString });
export const hardlink = (name: string, link: string, options?: EntryOptions) =>
  item("hardlink", name, { ...options, linkName: link as ByteString });
export const char = (name: string, devMajor: number, devMinor: number, options?: EntryOptions) =>
  item("char", name, { ...options, devMajor, devMinor });
export const block = (name: string, devMajor: number, devMinor: number, options?: EntryOptions) =>
  item("block", name, { ...options, devMajor, devMinor });
export const fifo = (name: string, options?: EntryOptions) => item("fifo", name, options);

function time(value: TarTime | number): TarTime {
  return typeof value === "number" ? { sec: value, nsec: 0 } : value;
}

/** The payload in chunks of a few bytes, as a decompressor may cut it. */
export function payloadOf({ content }: Item): ByteSource {
  let at = 0;
  return {
    read() {
      if (at === content.length) return null;
      const chunk = content.subarray(at, at + 5);
      at += chunk.length;
      return chunk;
    },
  };
}

/** Applies to a directory that is there. */
export function applyTo(directory: string, items: readonly Item[], options: ApplyOptions = {}): ApplySummary {
  using applier = new LayerApplier(directory, options);
  for (const one of items) applier.apply(one.entry, payloadOf(one));
  return applier.finish();
}

export interface Applied {
  readonly tree: Tree;
  readonly summary: ApplySummary;
  /** When the layer was applied, in nanoseconds. */
  readonly from: bigint;
  readonly to: bigint;
}

/** Applies to a new directory, reads what came of it, and removes it. */
export function applied(items: readonly Item[], options: ApplyOptions = {}): Applied {
  using place = scratch("apply", 2 ** 26);
  const directory = place.join("diff");
  mkdirSync(directory, { mode: 0o755 });
  // The filesystem's clock runs up to one tick (10 ms) behind.
  const from = BigInt(Date.now() - 20) * 1_000_000n;
  const summary = applyTo(directory, items, options);
  return { tree: readTree(directory), summary, from, to: BigInt(Date.now() + 1) * 1_000_000n };
}

/** One line an object: `type mode owner size-or-device content`, without times. */
export function sketch(tree: Tree): Record<string, string> {
  const lines: Record<string, string> = {};
  for (const [path, { type, mode, owner, rdev, xattrs, content }] of tree) {
    if (path === ".") continue;
    const device = rdev === null ? "" : ` ${rdev}`;
    const link = type === "symlink" ? ` -> ${content}` : "";
    const attributes = [...xattrs].map(([name, value]) => ` ${name}=${value}`).join("");
    lines[path] = `${type} ${mode} ${owner}${device}${link}${attributes}`;
  }
  return lines;
}

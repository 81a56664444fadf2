/** Differences between two trees, in words. */
import { type ByteString, displayName } from "../../src/model/bytes.js";
import type { Tree, TreeNode } from "./tree.js";

/** When a tree was written, in nanoseconds since 1970: times in it are "now", whatever they are exactly. */
export interface Window {
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * Every difference between what was expected and what was found. mtimes are equal to the nanosecond, except
 * where the expected one lies in its window ("now"): there the found one must lie in its own.
 */
export function compareTrees(expected: Tree, found: Tree, expectedNow: Window, foundNow: Window): string[] {
  const differences: string[] = [];
  for (const path of new Set([...expected.keys(), ...found.keys()])) {
    const want = expected.get(path);
    const have = found.get(path);
    const name = displayName(path as ByteString);
    if (want === undefined) differences.push(`${name}: not expected, found ${have?.type}`);
    else if (have === undefined) differences.push(`${name}: expected ${want.type}, not found`);
    else differences.push(...compareNodes(want, have, expectedNow, foundNow).map((text) => `${name}: ${text}`));
  }
  return differences;
}

function compareNodes(want: TreeNode, have: TreeNode, wantNow: Window, haveNow: Window): string[] {
  const differences: string[] = [];
  for (const key of ["type", "mode", "owner", "rdev", "size", "content"] as const) {
    if (want[key] !== have[key]) differences.push(`${key}: expected ${want[key]}, found ${have[key]}`);
  }
  const [wantLinks, haveLinks] = [want, have].map(({ hardLinks }) => hardLinks?.join(" = ") ?? "no other name");
  if (wantLinks !== haveLinks) differences.push(`hard links: expected ${wantLinks}, found ${haveLinks}`);
  const wantXattrs = xattrText(want);
  const haveXattrs = xattrText(have);
  if (wantXattrs !== haveXattrs) differences.push(`xattrs: expected {${wantXattrs}}, found {${haveXattrs}}`);
  if (isIn(want.mtimeNs, wantNow) ? !isIn(have.mtimeNs, haveNow) : want.mtimeNs !== have.mtimeNs) {
    const expected = isIn(want.mtimeNs, wantNow) ? `now (${haveNow.from} to ${haveNow.to})` : want.mtimeNs;
    differences.push(`mtime: expected ${expected}, found ${have.mtimeNs}`);
  }
  return differences;
}

function xattrText(node: TreeNode): string {
  return [...node.xattrs].map(([name, value]) => `${name}=${value}`).join(", ");
}

function isIn(time: bigint, { from, to }: Window): boolean {
  return from <= time && time <= to;
}

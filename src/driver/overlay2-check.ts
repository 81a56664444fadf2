/**
 * Whether the directory of an overlay2 layer is what its place in the chain asks for. A fault is found once,
 * in the file that has it: `lower` names layers by the links that they say they have, so that a link that is
 * wrong in one layer does not show in every layer above it.
 */
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import type { CacheId } from "../model/digest.js";
import type { DirectoryProblem } from "./driver.js";
import { readSmall } from "./files.js";
import { obstacleToContent } from "./is-directory.js";

/** What dockerd and ovl make; another length would break the bound on mount options, not the layer. */
export const LINK = /^[A-Za-z0-9]{1,64}$/;
/** Where `l/<link>` leads: to the layer's directory. */
export const LINK_TARGET = /^\.\.\/([^/]+)\/diff\/?$/;

/** @param home ROOT/overlay2; @param below cache-ids of the layers below, topmost first; null where unknown */
export function checkOverlay2(home: string, cacheId: CacheId, below: readonly (CacheId | null)[]): DirectoryProblem[] {
  const dir = join(home, cacheId);
  const content = join(dir, "diff");
  const obstacle = obstacleToContent(content);
  if (obstacle !== null) return [problem(content, "the directory of the layer's files", "nothing", obstacle)];
  return [...checkLink(home, cacheId), ...checkLower(home, dir, below)];
}

function checkLink(home: string, cacheId: CacheId): DirectoryProblem[] {
  const path = join(home, cacheId, "link");
  const link = textOf(path);
  if (link === null || !LINK.test(link)) {
    return [problem(path, "the layer's short name, 26 characters", shown(link), `holds ${shown(link)}`)];
  }
  const name = join(home, "l", link);
  const target = targetOf(name);
  if (target === `../${cacheId}/diff`) return [];
  return [problem(name, `a symlink to ../${cacheId}/diff`, shown(target), `leads to ${shown(target)}`)];
}

function checkLower(home: string, dir: string, below: readonly (CacheId | null)[]): DirectoryProblem[] {
  const path = join(dir, "lower");
  const text = textOf(path);
  const wrong = (found: string, what: string) => [problem(path, expectedLower(home, below), found, what)];
  if (text === null) return below.length === 0 ? [] : wrong("nothing", "is missing, so the layer looks like a base");
  if (below.length === 0) return wrong(shown(text), "is there, but nothing is below the layer");
  const entries = text.split(":");
  if (entries.length !== below.length) {
    return wrong(shown(text), `names ${entries.length} layers, but ${below.length} are below`);
  }
  const at = entries.findIndex((entry, i) => !names(home, entry, below[i] ?? null));
  return at < 0 ? [] : wrong(shown(entries[at] ?? ""), `names ${shown(entries[at] ?? "")} in place ${at}`);
}

/** By what the layer calls itself, or by where the short name leads: one of them may be what is damaged. */
function names(home: string, entry: string, layer: CacheId | null): boolean {
  if (!entry.startsWith("l/")) return false;
  const link = entry.slice(2);
  if (layer === null) return LINK.test(link);
  return (
    LINK.test(link) &&
    (textOf(join(home, layer, "link")) === link || targetOf(join(home, "l", link)) === `../${layer}/diff`)
  );
}

function expectedLower(home: string, below: readonly (CacheId | null)[]): string {
  return below
    .map((layer) => `l/${(layer === null ? null : textOf(join(home, layer, "link"))?.trim()) ?? "?"}`)
    .join(":");
}

/** As it is: a newline at the end is copied into the `lower` of every layer made on top, and breaks them. */
function textOf(path: string): string | null {
  const file = readSmall(path);
  return file.kind === "read" ? file.bytes.toString("latin1") : null;
}

function targetOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

function problem(path: string, expected: string, actual: string, what: string): DirectoryProblem {
  return { path, expected, actual, message: `${path} ${what}; expected ${expected}` };
}

function shown(text: string | null): string {
  if (text === null) return "nothing";
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** The directories of overlay2's layers: what stands beside the files, and whether names and lowers agree. */
import { join } from "node:path";
import { LINK } from "../../driver/overlay2-check.js";
import type { CacheId, ChainId } from "../../model/digest.js";
import type { Doubt } from "../fsck-doubts.js";
import { type Finding, finding, type Step, shown } from "../fsck-finding.js";
import type { DirectoryRecord, Picture } from "../fsck-picture.js";
import type { Relations } from "../fsck-relations.js";
import { topOf } from "../fsck-top.js";
import { isNamedBelow } from "./missing-directories.js";

/** A layer of layerdb or of a container in its directory. */
interface Lodger {
  readonly subject: string;
  readonly cacheId: CacheId;
  /** Itself, or what the container stands on; null for none. */
  readonly top: ChainId | null;
  /** Directories below, topmost first; null for those that nobody knows, or for all of them. */
  readonly below: readonly (CacheId | null)[] | null;
  readonly hasChildren: boolean;
}

export function* checkDirectories(picture: Picture, relations: Relations): Generator<Finding> {
  const marks = [...picture.directories.values()].some(({ entries }) => entries.has("committed"));
  const nameOf = namesOf(picture, relations);
  for (const lodger of lodgers(picture, relations)) {
    const record = picture.directories.get(lodger.cacheId);
    if (record === undefined) continue;
    if (record.entries.get("diff")?.kind !== "directory") {
      yield missingDiff(picture, relations, lodger, record);
      continue;
    }
    yield* checkLink(picture, relations, lodger, record);
    yield* checkLower(picture, relations, nameOf, lodger, record);
    yield* checkMarks(lodger, record, marks);
  }
}

function* lodgers(picture: Picture, relations: Relations): Generator<Lodger> {
  const { places, parentOf, below, children, mountsOn } = relations;
  for (const { chainId } of picture.layers.values()) {
    const cacheId = places.of(chainId);
    if (cacheId === null || !picture.directories.has(cacheId)) continue;
    const hasChildren = children.has(chainId) || mountsOn.has(chainId);
    yield { subject: chainId, cacheId, top: chainId, below: below(parentOf(chainId)), hasChildren };
  }
  for (const mount of picture.mounts.values()) {
    const parent = topOf(picture, relations, mount.containerId);
    const unknown = parent !== null && !relations.truth.has(parent) && !picture.layers.has(parent);
    const stack = unknown ? null : below(parent);
    const subject = mount.containerId;
    // A directory that it names and that is somebody else's is that one's.
    const { rw, init } = places.mounts.get(subject) ?? { rw: null, init: null };
    if (init !== null) yield { subject, cacheId: init, top: parent, below: stack, hasChildren: true };
    if (rw === null) continue;
    const onInit = init === null || stack === null ? stack : [init, ...stack];
    yield { subject, cacheId: rw, top: parent, below: onInit, hasChildren: false };
  }
}

function missingDiff(
  picture: Picture,
  { places }: Relations,
  { subject, cacheId }: Lodger,
  { dir }: DirectoryRecord,
): Finding {
  const path = join(dir, "diff");
  if (subject.startsWith("sha256:")) {
    return finding("DIFF_MISSING", { subject, path, restore: { kind: "layer", chainId: subject as ChainId } });
  }
  const { rw, init } = places.mounts.get(subject) ?? { rw: null, init: null };
  const isInit = cacheId === init && picture.containers.has(subject);
  const steps = isInit && isNamedBelow(picture, rw) ? [{ do: "init-layer", containerId: subject } as const] : [];
  return finding("DIFF_MISSING", { subject, path, steps });
}

function* checkLink(
  picture: Picture,
  { places }: Relations,
  { subject, cacheId }: Lodger,
  record: DirectoryRecord,
): Generator<Finding> {
  const { dir, link } = record;
  const text = link.kind === "text" ? link.text : null;
  const target = `../${cacheId}/diff`;
  if (text !== null && LINK.test(text) && !places.isOthers(record)) {
    const actual = picture.links.get(text);
    if (actual === target) return;
    const other = actual === undefined ? places.linksTo(cacheId).find((name) => places.isUsed(name)) : undefined;
    if (other === undefined) {
      const name = join(picture.home, "l", text);
      const detail = `expected a symlink to ${target}, found ${actual == null ? "none" : shown(actual)}`;
      const code = picture.links.has(text) ? "LINK_WRONG" : "LINK_MISSING";
      yield finding(code, { subject, path: name, detail, steps: [{ do: "link", path: name, target }] });
      return;
    }
  }
  const path = join(dir, "link");
  const trimmed = text?.trim() ?? "";
  const named = places.linksTo(cacheId);
  const known = named.includes(trimmed) ? trimmed : named[0];
  const code =
    link.kind === "absent" ? "LINK_FILE_MISSING" : text === "" ? "LINK_FILE_EMPTY" : ("LINK_FILE_WRONG" as const);
  const shownLink = text === null ? (link.kind === "bad" ? `it ${link.reason}` : "nothing") : shown(text);
  yield finding(code, {
    subject,
    path,
    detail: `expected ${known ?? "26 characters"}, found ${shownLink}`,
    steps: known === undefined ? [] : [{ do: "write", path, content: known, mode: 0o644 }],
  });
}

function* checkLower(
  picture: Picture,
  relations: Relations,
  nameOf: NameOf,
  lodger: Lodger,
  record: DirectoryRecord,
): Generator<Finding> {
  const { subject, below } = lodger;
  const { dir, lower } = record;
  if (below === null || (lower.kind === "absent" && below.length === 0)) return;
  if (lower.kind === "text" && lower.text !== "" && fits(picture, nameOf, below, record, lower.text)) return;
  const path = join(dir, "lower");
  const names = below.map((layer) => (layer === null ? null : nameOf(layer)));
  const content = names.map((name, i) => `l/${name ?? record.lowers[i] ?? "?"}`).join(":");
  const write = names.includes(null) ? [] : [{ do: "write", path, content, mode: 0o644 } as const];
  const steps = ifProven(relations, lodger, below.length === 0 ? [{ do: "remove", path } as const] : write);
  const expected = below.length === 0 ? "no such file" : shown(content);
  if (lower.kind === "absent") {
    yield finding("LOWER_MISSING", { subject, path, detail: `expected ${expected}`, steps });
  } else if (lower.kind === "text" && lower.text === "") {
    yield finding("LOWER_EMPTY", { subject, path, detail: `expected ${expected}`, steps });
  } else {
    const found = lower.kind === "bad" ? `it ${lower.reason}` : shown(lower.text);
    yield finding("LOWER_WRONG", { subject, path, detail: `expected ${expected}, found ${found}`, steps });
  }
}

/** Where one of the layers may have another directory, nothing is made to look as if it had this one. */
function ifProven({ places, parentOf }: Relations, { top }: Lodger, then: readonly Step[]): readonly Step[] {
  const doubts = places.doubts();
  if (doubts.size === 0) return then;
  const layers = new Set<Doubt>();
  const seen = new Set<ChainId>();
  for (let id = top; id !== null && !seen.has(id); id = parentOf(id)) {
    seen.add(id);
    const doubt = doubts.get(id);
    for (const rival of doubt === undefined ? [] : [id, ...doubt.rivals]) {
      const layer = doubts.get(rival);
      if (layer !== undefined) layers.add(layer);
    }
  }
  return layers.size === 0 ? then : [{ do: "prove-directories", layers: [...layers], then }];
}

/** As it is in a sound root, to the last byte. */
function isAsExpected(nameOf: NameOf, below: readonly (CacheId | null)[], text: string): boolean {
  let at = 0;
  for (const layer of below) {
    const name = layer === null ? null : nameOf(layer);
    const prefix = at === 0 ? "l/" : ":l/";
    if (name === null || !text.startsWith(prefix, at) || !text.startsWith(name, at + prefix.length)) return false;
    at += prefix.length + name.length;
  }
  return at === text.length;
}

/** A layer is named by what it calls itself, or by where the short name leads: one of them may be what is damaged. */
function fits(
  picture: Picture,
  nameOf: NameOf,
  below: readonly (CacheId | null)[],
  record: DirectoryRecord,
  text: string,
): boolean {
  if (isAsExpected(nameOf, below, text)) return true;
  const { lowers } = record;
  if (lowers.length !== below.length || !text.split(":").every((entry) => entry.startsWith("l/"))) return false;
  return lowers.every((link, i) => {
    const layer = below[i] ?? null;
    // Of a layer whose directory is lost or gone nobody knows the name.
    if (layer === null || nameOf(layer) === link || !picture.directories.has(layer)) return true;
    return picture.links.get(link) === `../${layer}/diff`;
  });
}

type NameOf = (cacheId: CacheId) => string | null;

/** `linkOf`, which every layer is asked for by all that stand on it. */
function namesOf(picture: Picture, relations: Relations): NameOf {
  const known = new Map<CacheId, string | null>();
  return (cacheId) => {
    let name = known.get(cacheId);
    if (name === undefined) known.set(cacheId, (name = linkOf(picture, relations, cacheId)));
    return name;
  };
}

/** What a layer is called: by its `link`, else by the name that leads to it. */
function linkOf(picture: Picture, { places }: Relations, cacheId: CacheId): string | null {
  const record = picture.directories.get(cacheId);
  if (record === undefined) return null;
  const link = record.link.kind === "text" ? record.link.text.trim() : "";
  return LINK.test(link) && !places.isOthers(record) ? link : (places.linksTo(cacheId)[0] ?? null);
}

function* checkMarks(lodger: Lodger, { dir, entries }: DirectoryRecord, marks: boolean): Generator<Finding> {
  const { subject, below, hasChildren } = lodger;
  const committed = entries.has("committed");
  if (below?.length !== 0 && !committed && entries.get("work")?.kind !== "directory") {
    const path = join(dir, "work");
    const steps = entries.has("work") ? [] : [{ do: "mkdir", path, mode: 0o700 } as const];
    yield finding("WORK_MISSING", { subject, path, steps });
  }
  // dockerd before 20.10 made no such files at all.
  if (!marks || !hasChildren || committed) return;
  const path = join(dir, "committed");
  yield finding("COMMITTED_MISSING", { subject, path, steps: [{ do: "write", path, content: "", mode: 0o600 }] });
}

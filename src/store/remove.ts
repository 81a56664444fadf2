/** Removing images as `docker rmi` of 20.10: which names go, what refuses, which parents go along. */
import { refuseMounted } from "../driver/layer-mounts.js";
import { OvlError } from "../errors.js";
import { hexOf, type ImageId } from "../model/digest.js";
import {
  familiarString,
  fullName,
  fullString,
  parseReference,
  type Reference,
  withDefaultTag,
} from "../model/reference.js";
import { Removal, type RemovalRecord } from "./removal.js";
import { isIdPrefix, resolveImage } from "./resolve.js";
import type { Store } from "./store.js";
import { takeBack } from "./undo.js";

export interface RemoveOptions {
  /** Also what stopped containers use, and what has names in several repositories. */
  readonly force?: boolean;
  /** Only say what would go. */
  readonly dryRun?: boolean;
}

export interface RemoveResult {
  /** In the order in which it happened. */
  readonly records: readonly RemovalRecord[];
  /** Bytes of the layers that went. */
  readonly reclaimedBytes: number;
  /** What could not be removed, in the order asked; the others are gone, as with docker. */
  readonly failures: readonly OvlError[];
}

/** @param targets names, ids, beginnings of ids */
export function removeImages(store: Store, targets: readonly string[], options: RemoveOptions = {}): RemoveResult {
  const removal = new Removal(store, options.dryRun ?? false);
  const failures: OvlError[] = [];
  const attempt = (act: () => void) => {
    try {
      act();
    } catch (thrown) {
      if (!(thrown instanceof OvlError) || thrown.code === "INTERNAL") throw thrown;
      failures.push(thrown);
    }
  };
  attempt(() =>
    flushed(removal, () => {
      for (const target of targets) attempt(() => removeTarget(removal, target, options.force ?? false));
    }),
  );
  return { records: removal.records, reclaimedBytes: removal.reclaimedBytes, failures };
}

/** Then takes away the names that are still to go, also where something failed: that is what is told. */
export function flushed(removal: Removal, act: () => void): void {
  try {
    act();
  } catch (thrown) {
    takeBack([() => removal.flush()]);
    throw thrown;
  }
  removal.flush();
}

function removeTarget(removal: Removal, target: string, force: boolean): void {
  const id = resolveImage(removal.store, target);
  // Only a dry run still resolves what an earlier target has taken.
  if (!removal.has(id)) throw new OvlError("NOT_FOUND", `no such image: ${target}`, { image: target });
  if (isIdPrefix(id, target)) removeById(removal, id, force);
  else removeByName(removal, id, withDefaultTag(parseReference(target)), force);
}

export function removeById(removal: Removal, id: ImageId, force: boolean): void {
  const references = removal.references(id);
  if (isSingle(references)) {
    refuseConflict(removal, id, { soft: !force, names: false });
    for (const reference of references) removal.untag(id, reference, familiarString(reference));
  }
  deleteImage(removal, id, { force, quiet: false });
}

export function removeByName(removal: Removal, id: ImageId, name: Reference, force: boolean): void {
  const references = removal.references(id);
  const stored = references.find((reference) => isStoredAs(reference, name));
  if (stored === undefined) {
    throw new OvlError("NOT_FOUND", `no such image: ${familiarString(name)}`, { image: familiarString(name) });
  }
  const [user] = removal.containers(id);
  if (!force && isSingle(references) && user !== undefined) {
    const container = user.name || short(user.id);
    throw new OvlError(
      "IN_USE",
      `${familiarString(name)} is the last name of image ${short(hexOf(id))}, which container ${container} uses; remove the container first, or use --force`,
      { image: id, container: user.id },
    );
  }
  // Taking the last name and then failing would leave an image that nobody finds.
  if (references.length === 1 && !removal.hasChildren(id)) refuseMountedLayers(removal, id);
  removal.untag(id, stored, familiarString(name));
  // Without a tag in the same repository its digests are no names that anybody gave.
  if (name.digest === null) {
    const sameRepository = removal.references(id).filter((reference) => fullName(reference) === fullName(name));
    if (sameRepository.every(({ tag }) => tag === null)) {
      for (const reference of sameRepository) removal.untag(id, reference, familiarString(reference));
    }
  }
  if (removal.references(id).length === 0) deleteImage(removal, id, { force, quiet: true });
}

/** An image, then its parents as far as nothing else needs them. */
function deleteImage(removal: Removal, id: ImageId, { force, quiet }: { force: boolean; quiet: boolean }): void {
  try {
    refuseConflict(removal, id, { soft: !force, names: !force });
  } catch (thrown) {
    // A name has gone and the image is still of use: that is all that was to happen.
    const dangling = removal.references(id).length === 0 && !removal.hasChildren(id);
    if (quiet && thrown instanceof OvlError && (!dangling || "container" in thrown.fields)) return;
    throw thrown;
  }
  const parent = removal.parent(id);
  for (const reference of removal.references(id)) removal.untag(id, reference, familiarString(reference));
  removal.delete(id);
  if (parent !== null && removal.has(parent)) deleteImage(removal, parent, { force: false, quiet: true });
}

/**
 * Throws IN_USE. Images built on this one, running containers and mounts refuse always.
 * @param check `soft`: stopped containers refuse, too; `names`: so do names
 */
function refuseConflict(removal: Removal, id: ImageId, check: { soft: boolean; names: boolean }): void {
  const refuse = (why: string, fields: Record<string, string> = {}): never => {
    throw new OvlError("IN_USE", `cannot delete image ${short(hexOf(id))}: ${why}`, { image: id, ...fields });
  };
  if (removal.hasChildren(id)) refuse("other images were built on it; remove them first");
  const containers = removal.containers(id);
  const running = containers.find((container) => container.running);
  if (running !== undefined) {
    refuse(`running container ${running.name || short(running.id)} uses it; stop and remove it first`, {
      container: running.id,
    });
  }
  const names = removal.references(id);
  if (check.names && names.length > 0) {
    refuse(`it has several names (${names.map(familiarString).join(", ")}); remove those, or use --force`);
  }
  const [stopped] = containers;
  if (check.soft && stopped !== undefined) {
    refuse(`stopped container ${stopped.name || short(stopped.id)} uses it; remove it first, or use --force`, {
      container: stopped.id,
    });
  }
  refuseMountedLayers(removal, id);
}

/** Throws IN_USE where a layer that would go is part of a mount. */
function refuseMountedLayers(removal: Removal, id: ImageId): void {
  const cacheIds = removal.layersOf(id).map(({ cacheId }) => cacheId);
  if (cacheIds.length > 0) refuseMounted(removal.store.driver, cacheIds);
}

/** Names of one repository with at most one tag: what an id stands for without a doubt. */
function isSingle(references: readonly Reference[]): boolean {
  if (references.length <= 1) return references.length === 1;
  const tags = references.filter(({ tag }) => tag !== null);
  const repositories = new Set(references.map(fullName));
  return tags.length <= 1 && repositories.size === 1;
}

function isStoredAs(stored: Reference, name: Reference): boolean {
  const wanted = name.digest === null ? name : { ...name, tag: null };
  return fullString(stored) === fullString(wanted);
}

function short(hex: string): string {
  return hex.slice(0, 12);
}

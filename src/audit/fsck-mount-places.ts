/**
 * Which directories are a container's own. `mount-id` names its read-write layer, and `init-id` the init layer below,
 * which is called after it: where one of the two is wrong, the other tells.
 */
import type { CacheId, ChainId } from "../model/digest.js";
import { initOf, isInit, ownerOf } from "../model/mount-id.js";
import type { DirectoryRecord, MountRecord, Picture } from "./fsck-picture.js";

export interface MountPlace {
  /** null where nobody knows. */
  readonly rw: CacheId | null;
  /** null where nobody knows, and where it has none. */
  readonly init: CacheId | null;
  readonly fault: MountFault | null;
  /** Whether one of the two is not where the container's files say: it may be any directory that nothing names. */
  readonly lost: boolean;
}

/** A file that does not name the container's own directory. */
export interface MountFault {
  readonly file: "mount-id" | "init-id";
  /** What it has to hold; null where nobody knows. */
  readonly content: CacheId | null;
}

interface Known {
  readonly users: ReadonlyMap<CacheId, readonly string[]>;
  /** Layers whose `cache-id` names a directory that is not theirs. */
  readonly disputed: ReadonlySet<ChainId>;
  /** The directory that a directory says it stands on. */
  readonly firstLower: (record: DirectoryRecord | undefined) => CacheId | null;
  /** The directory of a layer. */
  readonly placeOf: (chainId: ChainId) => CacheId | null;
}

/** One of the containers that name a read-write layer, by one file or by both. */
interface Claim {
  readonly mount: MountRecord;
  readonly files: 1 | 2;
}

export function findMountPlaces(picture: Picture, known: Known): Map<string, MountPlace> {
  const finder = new MountPlaces(picture, known);
  return new Map([...picture.mounts].map(([id, mount]) => [id, finder.find(mount)]));
}

class MountPlaces {
  readonly #picture: Picture;
  readonly #known: Known;
  readonly #claims = new Map<CacheId, Claim[]>();

  constructor(picture: Picture, known: Known) {
    this.#picture = picture;
    this.#known = known;
    for (const mount of picture.mounts.values()) {
      // What was left of a container takes nothing from one that is there.
      if (!picture.containers.has(mount.containerId)) continue;
      for (const claim of claimsOf(mount)) {
        const claims = this.#claims.get(claim.rw) ?? [];
        this.#claims.set(claim.rw, [...claims, { mount, files: claim.files }]);
      }
    }
  }

  find(mount: MountRecord): MountPlace {
    const { rw, init, fault } = this.#settle(mount);
    const lost = fault !== null || rw === null || !this.#has(rw) || (init !== null && !this.#has(init));
    return { rw, init, fault, lost };
  }

  #settle(mount: MountRecord): Omit<MountPlace, "lost"> {
    const { mountId, initId } = mount;
    const stated = mountId.state === "valid" ? mountId.value : null;
    const init = initId.state === "valid" ? initId.value : null;
    const owner = ownerOf(init);
    if (stated !== null && stated === owner) {
      return this.#isTaken(mount, stated) ? unknown("mount-id") : { rw: stated, init, fault: null };
    }
    if (stated !== null && this.#isOwn(mount, stated)) {
      if (owner === null || !this.#isOwn(mount, owner)) return this.#named(mount, stated);
      return this.#better(mount, stated, owner);
    }
    if (owner !== null && this.#has(owner) && this.#isOwn(mount, owner)) return byInit(owner);
    // What is gone is reported as missing.
    const isGone = stated !== null && !this.#isTaken(mount, stated);
    if (!isGone) return unknown("mount-id");
    if (init === null && initId.state === "absent") return { rw: stated, init, fault: null };
    const isOthers = init === null || owner === null || this.#isTaken(mount, owner);
    return { rw: stated, init: isOthers ? null : init, fault: isOthers ? { file: "init-id", content: null } : null };
  }

  /** The read-write layer is the one that `mount-id` names. */
  #named({ initId }: MountRecord, rw: CacheId): Omit<MountPlace, "lost"> {
    const init = initOf(rw);
    if (initId.state === "absent" && !this.#has(init)) return { rw, init: null, fault: null };
    return { rw, init, fault: { file: "init-id", content: init } };
  }

  /** The two files name two pairs, and nobody else has either. */
  #better(mount: MountRecord, stated: CacheId, owner: CacheId): Omit<MountPlace, "lost"> {
    const isWhole = (rw: CacheId) => this.#has(rw) && this.#has(initOf(rw));
    const wholes = [stated, owner].filter(isWhole);
    const fitting = wholes.length > 1 ? wholes.filter((rw) => this.#stands(mount, rw)) : wholes;
    const [only, second] = fitting;
    if (second !== undefined || (only === undefined && wholes.length > 0)) return unknown("mount-id");
    if (only === owner) return byInit(owner);
    if (only === stated || this.#has(stated)) return this.#named(mount, stated);
    return this.#has(owner) ? byInit(owner) : unknown("mount-id");
  }

  #isOwn(mount: MountRecord, rw: CacheId): boolean {
    return (this.#has(rw) || this.#has(initOf(rw))) && !this.#isTaken(mount, rw);
  }

  /** Whether a layer, or another container with the better claim, has the pair of directories. */
  #isTaken(mount: MountRecord, rw: CacheId): boolean {
    // No read-write layer is called so.
    if (isInit(rw)) return true;
    const { users, disputed } = this.#known;
    const named = [...(users.get(rw) ?? []), ...(users.get(initOf(rw)) ?? [])];
    const { layers } = this.#picture;
    if (named.some((user) => layers.has(user as ChainId) && !disputed.has(user as ChainId))) return true;
    const own = claimsOf(mount).find((claim) => claim.rw === rw)?.files ?? 0;
    return (this.#claims.get(rw) ?? []).some((other) => {
      if (other.mount === mount || other.files !== own) return other.mount !== mount && other.files > own;
      return !this.#stands(mount, rw) || this.#stands(other.mount, rw);
    });
  }

  /** Whether a pair stands on the layer that the container says it stands on. */
  #stands({ parent }: MountRecord, rw: CacheId): boolean {
    if (parent.state !== "valid") return false;
    const { firstLower, placeOf } = this.#known;
    const base = firstLower(this.#picture.directories.get(initOf(rw)));
    return base !== null && base === placeOf(parent.value);
  }

  #has(cacheId: CacheId): boolean {
    return this.#picture.directories.has(cacheId);
  }
}

function claimsOf({ mountId, initId }: MountRecord): { readonly rw: CacheId; readonly files: 1 | 2 }[] {
  const stated = mountId.state === "valid" ? mountId.value : null;
  const owner = ownerOf(initId.state === "valid" ? initId.value : null);
  if (stated !== null && stated === owner) return [{ rw: stated, files: 2 }];
  return [stated, owner].flatMap((rw) => (rw === null ? [] : [{ rw, files: 1 }]));
}

function byInit(rw: CacheId): Omit<MountPlace, "lost"> {
  return { rw, init: initOf(rw), fault: { file: "mount-id", content: rw } };
}

function unknown(file: MountFault["file"]): Omit<MountPlace, "lost"> {
  return { rw: null, init: null, fault: { file, content: null } };
}

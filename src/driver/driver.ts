/** What a storage driver does with the directories of layers: one interface for overlay2 and overlay. */
import { randomBytes } from "node:crypto";
import type { CacheId } from "../model/digest.js";

export const DRIVERS = ["overlay2", "overlay"] as const;
export type DriverName = (typeof DRIVERS)[number];

/** `GraphDriver.Data` of `docker inspect`. */
export type GraphData = Readonly<Record<string, string>>;

/** How the view of a layer on top of those below it is mounted. Paths are relative to the driver's directory. */
export type MountPlan =
  /** A single layer is what it is. */
  | { readonly kind: "bind"; readonly source: string }
  | {
      readonly kind: "overlay";
      /** Topmost first. */
      readonly lower: readonly string[];
      /** null: to be read only. */
      readonly upper: { readonly dir: string; readonly work: string } | null;
    };

/** What is wrong with a file or directory that the driver keeps for a layer. */
export interface DirectoryProblem {
  /** Absolute path of what is at fault. */
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  readonly message: string;
}

export interface Driver {
  readonly name: DriverName;
  /** ROOT/<driver>, absolute. */
  readonly home: string;

  /**
   * Makes the directory of a new layer, empty, with everything that dockerd keeps beside its content.
   * @param parent the layer below, whose directory must exist; null for a base layer
   * @returns the directory to extract into
   */
  create(cacheId: CacheId, parent: CacheId | null): string;

  /**
   * Makes the directory of a layer again that was lost, so that the one above it stands on it as before; it has its
   * name when it is whole. Throws BAD_ROOT where that one does not say how it knows it.
   * @param above null where none stands on it
   * @param fill puts the layer's files into the directory for its content, which is empty
   */
  recreate(cacheId: CacheId, parent: CacheId | null, above: CacheId | null, fill: (content: string) => void): void;

  /** Removes a layer's directory and its short name, as far as they exist. */
  remove(cacheId: CacheId): void;

  /** The directory of a layer, whether it exists or not. */
  dir(cacheId: CacheId): string;

  /** The directory with a layer's own content (`diff`; `root` for the overlay driver), existing or not. */
  contentDir(cacheId: CacheId): string;

  /** Whether the directory with the content is there. */
  has(cacheId: CacheId): boolean;

  /** Names in ROOT/<driver> that can be layers, in no order; empty when the directory is absent. */
  list(): CacheId[];

  /** Short name of a layer below `l/`; null for a driver without them, or where it is missing or unusable. */
  link(cacheId: CacheId): string | null;

  /**
   * Content directories of the layers below, topmost first, as they would be mounted. Throws BAD_ROOT that
   * names the file at fault where the chain is broken.
   */
  lowerDirs(cacheId: CacheId): string[];

  /**
   * How to mount a layer, for reading only or for writing into it. Throws BAD_ROOT as `lowerDirs` does, and where a
   * layer cannot be written into.
   */
  mountPlan(cacheId: CacheId, readOnly: boolean): MountPlan;

  /** Where a layer is mounted by default: a directory that is there only as long as the mount. */
  mergedDir(cacheId: CacheId): string;

  /**
   * What is wrong with the directory of an image layer, but for its content; empty when nothing is.
   * @param below the layers that it stands on, topmost first; null where nobody knows
   */
  check(cacheId: CacheId, below: readonly (CacheId | null)[]): DirectoryProblem[];

  /** Throws BAD_ROOT as `lowerDirs` does, NOT_FOUND where the layer's directory is missing. */
  graphData(cacheId: CacheId): GraphData;
}

/** A name for a new layer's directory: 64 hex digits, as dockerd makes them. */
export function newCacheId(): CacheId {
  return randomBytes(32).toString("hex") as CacheId;
}

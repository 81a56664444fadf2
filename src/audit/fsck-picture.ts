/** Everything of a root that its consistency depends on, read once: file contents stay as they are on disk. */
import { join } from "node:path";
import type { DriverName } from "../driver/driver.js";
import type { CacheId, ChainId, DiffId, ImageId } from "../model/digest.js";
import type { JsonObject } from "../model/go-shape.js";
import type { Reference } from "../model/reference.js";
import { settleContainers } from "./fsck-container-ids.js";
import type { FsckFiles, Text } from "./fsck-files.js";
import { settleLayers } from "./fsck-layer-names.js";
import { readContainers, readMounts } from "./fsck-read-containers.js";
import { readImages, readNames } from "./fsck-read-images.js";
import { readDirectories, readLayers } from "./fsck-read-layers.js";
import { Listing } from "./listing.js";

/** A file that holds one value. */
export type Field<T> =
  | { readonly state: "valid"; readonly value: T }
  | { readonly state: "absent" }
  | { readonly state: "empty" }
  | { readonly state: "invalid"; readonly found: string };

/** `layerdb/sha256/<64 hex>` */
export interface LayerRecord {
  readonly chainId: ChainId;
  /** Called `chainId`, unless it was misplaced. */
  readonly dir: string;
  readonly entries: Listing;
  readonly diff: Field<DiffId>;
  readonly cacheId: Field<CacheId>;
  readonly parent: Field<ChainId>;
  readonly size: Field<number>;
}

/** A directory in ROOT/<driver>. */
export interface DirectoryRecord {
  readonly cacheId: CacheId;
  readonly dir: string;
  readonly entries: Listing;
  /** overlay2: `link`. */
  readonly link: Text;
  /** overlay2: `lower`; overlay: `lower-id`. */
  readonly lower: Text;
  /** `lower` taken apart: short names without `l/`, or anything else as it is. */
  readonly lowers: readonly string[];
}

/** `layerdb/mounts/<container id>` */
export interface MountRecord {
  readonly containerId: string;
  readonly dir: string;
  readonly entries: Listing;
  readonly mountId: Field<CacheId>;
  readonly initId: Field<CacheId>;
  readonly parent: Field<ChainId>;
}

/** `containers/<id>` */
export interface ContainerRecord {
  readonly id: string;
  /** Called `id`, unless it was misplaced. */
  readonly dir: string;
  /** null where it cannot be read. */
  readonly config: JsonObject | null;
  readonly problem: string | null;
  /** The value in hostconfig.json, and why there is none to read; dockerd does without the file. */
  readonly hostConfig: { readonly json: unknown; readonly problem: string | null };
  readonly imageId: ImageId | null;
}

/** `imagedb/content/sha256/<64 hex>` */
export interface ImageRecord {
  readonly id: ImageId;
  readonly path: string;
  readonly state: "sound" | "changed" | "unreadable" | "invalid";
  readonly detail: string;
  /** Bottom to top; empty unless sound. */
  readonly diffIds: readonly DiffId[];
  readonly chain: readonly ChainId[];
}

export interface MetadataRecord {
  readonly id: string;
  readonly dir: string;
  readonly entries: Listing;
  readonly parent: Text;
  readonly lastUpdated: Text;
}

export interface NameRecord {
  /** Keys as in the file. */
  readonly repository: string;
  readonly text: string;
  /** null where docker cannot parse it. */
  readonly reference: Reference | null;
  readonly imageId: string;
}

export interface Names {
  readonly path: string;
  /** null where the file is in order, or absent. */
  readonly problem: string | null;
  readonly names: readonly NameRecord[];
}

export interface Picture {
  readonly root: string;
  readonly driver: DriverName;
  /** ROOT/image/<driver> */
  readonly image: string;
  /** ROOT/<driver> */
  readonly home: string;
  readonly daemonRuns: boolean;
  readonly files: FsckFiles;
  readonly layers: ReadonlyMap<ChainId, LayerRecord>;
  readonly layerdb: {
    readonly top: Listing;
    readonly sha256: Listing;
    readonly tmp: Listing;
    readonly mounts: Listing;
  };
  readonly directories: ReadonlyMap<CacheId, DirectoryRecord>;
  /** Entries of ROOT/<driver>, and of its `l`: short name to target. */
  readonly homeEntries: Listing;
  readonly links: ReadonlyMap<string, string | null>;
  readonly mounts: ReadonlyMap<string, MountRecord>;
  readonly containers: ReadonlyMap<string, ContainerRecord>;
  /** Directories that are a copy of a container's. */
  readonly copies: readonly ContainerRecord[];
  readonly containerEntries: Listing;
  readonly images: ReadonlyMap<ImageId, ImageRecord>;
  readonly contentEntries: Listing;
  readonly metadata: ReadonlyMap<string, MetadataRecord>;
  readonly metadataEntries: Listing;
  readonly names: Names;
  /** Directories of the layout that are something else: path and what they are. */
  readonly notDirectories: ReadonlyMap<string, string>;
}

const NO_LINKS: ReadonlyMap<string, string | null> = new Map();

/** Whether a container is just being made or removed: it has no mount, and lacks nothing. */
export function isUnfinished({ layerdb }: Picture, id: string): boolean {
  return layerdb.tmp.has(`container-${id}`) || layerdb.tmp.has(`removed-${id}`);
}

export function readPicture(root: string, driver: DriverName, daemonRuns: boolean, files: FsckFiles): Picture {
  const image = join(root, "image", driver);
  const home = join(root, driver);
  const layerdb = join(image, "layerdb");
  const notDirectories = new Map<string, string>();
  // What stands on a directory that is none is not reported again.
  const look = <T>(path: string, read: (path: string) => T | null | string, nothing: T): T => {
    for (const bad of notDirectories.keys()) if (path.startsWith(`${bad}/`)) return nothing;
    const found = read(path);
    if (typeof found === "string") notDirectories.set(path, found);
    return typeof found === "string" || found === null ? nothing : found;
  };
  const list = (...parts: string[]) => look(join(...parts), (path) => files.list(path), Listing.EMPTY);
  for (const path of [join(root, "image"), image]) list(path);
  const top = list(layerdb);
  const sha256 = list(layerdb, "sha256");
  const tmp = list(layerdb, "tmp");
  const mountEntries = list(layerdb, "mounts");
  const mounts = readMounts(files, join(layerdb, "mounts"), mountEntries);
  list(image, "imagedb");
  list(image, "imagedb", "content");
  const contentEntries = list(image, "imagedb", "content", "sha256");
  list(image, "imagedb", "metadata");
  const metadataEntries = list(image, "imagedb", "metadata", "sha256");
  const { images, metadata } = readImages(files, join(image, "imagedb"), contentEntries, metadataEntries);
  const containerEntries = list(root, "containers");
  const homeEntries = list(home);
  const links = driver === "overlay2" ? look(join(home, "l"), (path) => files.targets(path), NO_LINKS) : NO_LINKS;
  return {
    root,
    driver,
    image,
    home,
    daemonRuns,
    files,
    layers: settleLayers(readLayers(files, join(layerdb, "sha256"), sha256), images.values()),
    layerdb: { top, sha256, tmp, mounts: mountEntries },
    directories: readDirectories(files, driver, home, homeEntries),
    homeEntries,
    links,
    mounts,
    ...settleContainers(readContainers(files, join(root, "containers"), containerEntries), mounts),
    containerEntries,
    images,
    metadata,
    contentEntries,
    metadataEntries,
    names: readNames(files, join(image, "repositories.json"), isHidden(image, notDirectories)),
    notDirectories,
  };
}

/** Whether a directory is none, or below one that is none. */
function isHidden(path: string, notDirectories: ReadonlyMap<string, string>): boolean {
  return [...notDirectories.keys()].some((bad) => path === bad || path.startsWith(`${bad}/`));
}

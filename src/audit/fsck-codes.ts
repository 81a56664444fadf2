/** Every fault that fsck can name. docs/fsck.md has a line for each, which a test holds to this table. */

export type Severity = "error" | "warning" | "reclaimable";

export interface CodeFacts {
  /**
   * `error`: dockerd fails or serves something wrong. `warning`: it works, and will not later, or shows something
   * wrong. `reclaimable`: what is left over and used by nothing.
   */
  readonly severity: Severity;
  /** The rest of a sentence that begins with the place of the fault. */
  readonly what: string;
  /** What `--repair` does; null where nothing can be done without loss. */
  readonly repair: string | null;
}

const FROM_SOURCE = "restored from --source";
const ASIDE = "moved to ROOT/ovl-lost+found";

export const FSCK_CODES = {
  // The root.
  NOT_A_DIRECTORY: { severity: "error", what: "is not the directory that it has to be", repair: null },
  SEVERAL_DRIVERS: { severity: "error", what: "is not empty, and another driver's is neither", repair: null },

  // The driver's directories.
  ORPHAN_LAYER_DIR: {
    severity: "reclaimable",
    what: "belongs to nothing",
    repair: "removed with its short name; a read-write layer with files is moved to ROOT/ovl-lost+found",
  },
  ORPHAN_INIT_DIR: {
    severity: "reclaimable",
    what: "is the init layer of no container",
    repair: "removed with its short name",
  },
  LAYER_DIR_MISSING: { severity: "error", what: "is the missing directory of a layer", repair: FROM_SOURCE },
  DIFF_MISSING: {
    severity: "error",
    what: "is the missing directory of a layer's files",
    repair: "restored from --source; an init layer is made again",
  },
  LINK_STALE: { severity: "warning", what: "is the short name of no layer", repair: "removed" },
  LINK_MISSING: { severity: "error", what: "is the missing short name of a layer", repair: "made again" },
  LINK_WRONG: { severity: "error", what: "leads elsewhere than to its layer", repair: "made again" },
  LINK_FILE_MISSING: {
    severity: "error",
    what: "is the missing file with a layer's short name",
    repair: "written from the short name that leads to the layer",
  },
  LINK_FILE_EMPTY: {
    severity: "error",
    what: "is empty: layers made on top get overlay2/l itself below them",
    repair: "written from the short name that leads to the layer",
  },
  LINK_FILE_WRONG: {
    severity: "error",
    what: "holds no usable short name, or another than the layer has",
    repair: "written from the short name that leads to the layer",
  },
  LOWER_MISSING: {
    severity: "error",
    what: "is missing: the layer looks like a base",
    repair: "written from the layers below",
  },
  LOWER_EMPTY: {
    severity: "error",
    what: "is empty: the layer cannot be mounted",
    repair: "written from the layers below",
  },
  LOWER_WRONG: {
    severity: "error",
    what: "does not name the layers below in their order",
    repair: "written from the layers below",
  },
  WORK_MISSING: {
    severity: "error",
    what: "is missing, and the layer not committed: it cannot be mounted",
    repair: "made",
  },
  COMMITTED_MISSING: {
    severity: "warning",
    what: "is missing on a layer that others stand on: saving it writes to it",
    repair: "made",
  },
  MERGED_EMPTY: { severity: "reclaimable", what: "is an empty mount point that was left", repair: "removed" },
  MERGED_LEFT: { severity: "warning", what: "is no mount, and holds files", repair: ASIDE },
  MERGED_MOUNTED: {
    severity: "warning",
    what: "is mounted, and no daemon runs",
    repair: "unmounted, if nobody uses it, and removed",
  },
  LOWER_ID_WRONG: {
    severity: "error",
    what: "does not name the image's top layer",
    repair: "written from the image's layers",
  },
  PROBE_LEFT: { severity: "reclaimable", what: "is a probe that a starting dockerd left", repair: "removed" },
  STRAY_IN_DRIVER: { severity: "warning", what: "does not belong among layers", repair: ASIDE },

  // layerdb.
  LAYER_ENTRY_EMPTY: {
    severity: "error",
    what: "is empty: dockerd can neither load nor bring this layer",
    repair: "removed where nothing needs the layer, else restored from --source",
  },
  LAYER_MISSING: { severity: "error", what: "is a missing layer that others stand on", repair: FROM_SOURCE },
  LAYER_DIFF_BAD: {
    severity: "error",
    what: "is missing or holds no DiffID: dockerd does not load the layer",
    repair: "written from the image's config",
  },
  LAYER_DIFF_WRONG: {
    severity: "error",
    what: "is not the DiffID that the layer's name follows from",
    repair: "written from the image's config",
  },
  LAYER_SIZE_BAD: {
    severity: "error",
    what: "is missing or holds no number: dockerd does not load the layer",
    repair: "counted again",
  },
  LAYER_SIZE_WRONG: { severity: "warning", what: "is not the size of the layer's files", repair: "counted again" },
  LAYER_CACHE_ID_BAD: {
    severity: "error",
    what: "is missing or names no directory: dockerd does not load the layer",
    repair: "written, if exactly one directory rebuilds to the layer",
  },
  CACHE_ID_SHARED: {
    severity: "error",
    what: "names the directory of another layer: removing one destroys the other",
    repair: "written, if exactly one directory rebuilds to the layer",
  },
  LAYER_PARENT_MISSING: {
    severity: "error",
    what: "is missing: the layer passes for a base",
    repair: "written; the layer's name proves it",
  },
  LAYER_PARENT_WRONG: {
    severity: "error",
    what: "is not the layer that this one's name follows from",
    repair: "written or removed; the layer's name proves it",
  },
  CHAIN_NAME_WRONG: {
    severity: "error",
    what: "is not named as its DiffID and parent say",
    repair: "renamed, or moved to ROOT/ovl-lost+found where that layer is there already",
  },
  TAR_SPLIT_MISSING: { severity: "error", what: "is missing: the layer cannot be saved", repair: FROM_SOURCE },
  LAYER_UNUSED: {
    severity: "reclaimable",
    what: "is a layer that no image, layer, container or build cache uses",
    repair: "removed with its directory",
  },
  WRITE_SET_LEFT: {
    severity: "reclaimable",
    what: "is what an interrupted pull or build left",
    repair: "removed, with the directory that it names",
  },
  CONTAINER_UNFINISHED: {
    severity: "reclaimable",
    what: "is what an interrupted ovl create or rm left",
    repair: "removed, with the directories that it names",
  },
  REMOVING_LEFT: {
    severity: "reclaimable",
    what: "is a layer that was not wholly removed",
    repair: "removed, with the directory that it names",
  },
  REMOVING_NAMES_LIVE_LAYER: {
    severity: "error",
    what: "names the directory of a live layer, which dockerd deletes when it stops",
    repair: "removed; the directory stays",
  },
  STRAY_IN_LAYERDB: { severity: "warning", what: "does not belong in layerdb", repair: ASIDE },

  // imagedb and names.
  IMAGE_CHANGED: { severity: "error", what: "has not the sha256 that it is called by", repair: FROM_SOURCE },
  IMAGE_UNREADABLE: { severity: "error", what: "is an image config that cannot be read", repair: FROM_SOURCE },
  IMAGE_INVALID: { severity: "error", what: "is a config that dockerd does not load", repair: null },
  IMAGE_LAYER_MISSING: { severity: "error", what: "is a missing layer of an image", repair: FROM_SOURCE },
  IMAGE_MISSING: {
    severity: "error",
    what: "is missing, but has names, and containers or layers",
    repair: FROM_SOURCE,
  },
  IMAGE_UNFINISHED: {
    severity: "reclaimable",
    what: "is what an interrupted command left that brought or removed an image",
    repair: "removed, with the names and notes of an image that is not there",
  },
  METADATA_STALE: { severity: "warning", what: "is about an image that is not there", repair: "removed" },
  IMAGE_PARENT_STALE: { severity: "warning", what: "names an image that is not there", repair: "removed" },
  LAST_UPDATED_INVALID: {
    severity: "error",
    what: "is no time: docker inspect of the image fails",
    repair: "removed",
  },
  TEMPORARY_FILE_LEFT: {
    severity: "reclaimable",
    what: "was written but never put in place",
    repair: "removed",
  },
  STRAY_IN_IMAGEDB: { severity: "warning", what: "does not belong in imagedb", repair: ASIDE },
  REPOSITORIES_INVALID: {
    severity: "error",
    what: "is not valid: dockerd does not start",
    repair: "written with the names that can be read out of it; the file as it was is set aside",
  },
  REFERENCE_UNFAMILIAR: {
    severity: "warning",
    what: "has a name in full form, by which docker does not find the image",
    repair: "written in familiar form",
  },
  REFERENCE_INVALID: {
    severity: "warning",
    what: "has a name that docker cannot parse and ignores",
    repair: "removed; the file as it was is set aside",
  },
  REFERENCE_STALE: { severity: "warning", what: "has a name of an image that is not there", repair: "removed" },

  // Containers.
  MOUNT_WITHOUT_CONTAINER: {
    severity: "warning",
    what: "keeps layers for a container that is not there",
    repair: "removed with its init layer; a read-write layer with files is moved to ROOT/ovl-lost+found",
  },
  MOUNT_MISSING: {
    severity: "error",
    what: "is missing: dockerd does not list the container",
    repair: "written, if exactly one pair of directories stands on the container's image",
  },
  MOUNT_ID_BAD: {
    severity: "error",
    what: "does not name the container's own layer: dockerd does not list it, or shows it another's files",
    repair: "written from the container's init layer",
  },
  INIT_ID_BAD: {
    severity: "warning",
    what: "does not name the container's init layer: docker diff shows that layer's files as added",
    repair: "written from the read-write layer",
  },
  MOUNT_PARENT_BAD: {
    severity: "warning",
    what: "does not name the layer that the container stands on, so the container does not keep it",
    repair: "written from the container's image and the layers below it",
  },
  MOUNT_PARENT_MISSING: { severity: "error", what: "names a layer that is not there", repair: FROM_SOURCE },
  INIT_DIR_MISSING: {
    severity: "error",
    what: "is the missing init layer of a container, which cannot start",
    repair: "made again under the same short name",
  },
  RW_DIR_MISSING: { severity: "error", what: "is the missing read-write layer of a container", repair: null },
  CONTAINER_DIR_WRONG: {
    severity: "error",
    what: "is not called after the container whose files it has: dockerd does not load it",
    repair: "renamed, and the one that has its name, too; a copy is moved to ROOT/ovl-lost+found",
  },
  CONTAINER_CONFIG_UNREADABLE: {
    severity: "error",
    what: "is missing, empty or no JSON: dockerd does not list the container",
    repair: "hostconfig.json, which dockerd can do without, is written empty; the file as it was is set aside",
  },
  CONTAINER_CONFIG_CRASHES: {
    severity: "error",
    what: "makes dockerd crash or hang",
    repair: "completed as dockerd needs it; the file as it was is set aside",
  },
  CONTAINER_CONFIG_WRONG: {
    severity: "error",
    what: "keeps dockerd from listing or starting containers",
    repair: "completed as dockerd needs it; the file as it was is set aside",
  },
  CONTAINER_IMAGE_WRONG: {
    severity: "warning",
    what: "names another image than the one whose layers the container stands on",
    repair: "written, if exactly one image has those layers; the file as it was is set aside",
  },
  CONTAINER_DRIVER_UNKNOWN: {
    severity: "warning",
    what: "names no driver, so dockerd passes over the container",
    repair: "completed as dockerd needs it; the file as it was is set aside",
  },
  CONTAINER_NAME_TAKEN: { severity: "error", what: "has the name of another container", repair: null },
  STRAY_IN_CONTAINERS: { severity: "warning", what: "is no container", repair: ASIDE },

  // Found by --deep.
  TAR_SPLIT_CORRUPT: { severity: "error", what: "is damaged: the layer cannot be saved", repair: FROM_SOURCE },
  IRREPRODUCIBLE: { severity: "warning", what: "is why the layer, as it was brought, cannot be saved", repair: null },
  CONTENT_CHANGED: { severity: "error", what: "has not the content that the layer brought", repair: FROM_SOURCE },
  CONTENT_MISSING: { severity: "error", what: "is a file of the layer that is missing", repair: FROM_SOURCE },
  CONTENT_UNREADABLE: { severity: "error", what: "is a file of the layer that cannot be read", repair: FROM_SOURCE },
  ENTRY_MISSING: {
    severity: "error",
    what: "is missing, though the layer brought it",
    repair: "made from the header that the layer brought",
  },
  TYPE_CHANGED: { severity: "error", what: "is of another type than the layer brought", repair: FROM_SOURCE },
  MODE_CHANGED: { severity: "error", what: "has another mode than the layer brought", repair: "set" },
  OWNER_CHANGED: { severity: "error", what: "has another owner than the layer brought", repair: "set" },
  TIME_CHANGED: { severity: "warning", what: "has another time than the layer brought", repair: "set" },
  XATTR_CHANGED: { severity: "error", what: "has other extended attributes than the layer brought", repair: "set" },
  LINK_TARGET_CHANGED: {
    severity: "error",
    what: "leads elsewhere than the layer's symlink did",
    repair: "made again",
  },
  HARD_LINK_BROKEN: {
    severity: "warning",
    what: "is no longer the same file as the one it was a hard link to",
    repair: null,
  },
  FILE_ADDED: { severity: "error", what: "was not brought by the layer", repair: null },
} as const satisfies Record<string, CodeFacts>;

export type FsckCode = keyof typeof FSCK_CODES;

/** Inconsistencies of a docker root, each alone, with the code by which fsck knows it. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { FsckCode } from "../../src/audit/fsck-codes.js";
import { chainIdOf, type DiffId, sha256 } from "../../src/model/digest.js";
import type { FsckRoot } from "./root.js";

export interface Fault {
  /** By what it is in: G the storage driver's directories, L layers, I images, C containers, `-` anything. */
  readonly class: string;
  readonly title: string;
  readonly code: FsckCode;
  readonly inject: (root: FsckRoot) => void;
  /** What `--repair` makes of it: by itself, with a source only, or nothing. */
  readonly repair: "mended" | "restored" | "stays";
}

type Path = (root: FsckRoot) => string;

const HEX = "0123456789abcdef".repeat(4);
const inDb =
  (name: string): Path =>
  (root) =>
    join(root.layer.db, name);
const inDir =
  (name: string): Path =>
  (root) =>
    join(root.layer.dir, name);
const link: Path = (root) => join(root.overlay2, "l", root.layer.link);

const remove = (path: Path) => (root: FsckRoot) => rmSync(path(root), { recursive: true });
const empty = (path: Path) => (root: FsckRoot) => truncateSync(path(root));
const put = (path: Path, text: string | Path) => (root: FsckRoot) =>
  writeFileSync(path(root), typeof text === "string" ? text : text(root));
const edit = (path: Path, change: (text: string) => string) => (root: FsckRoot) =>
  writeFileSync(path(root), change(readFileSync(path(root), "utf8")));
const directory = (path: Path, file?: string) => (root: FsckRoot) => {
  mkdirSync(path(root), { recursive: true });
  if (file !== undefined) writeFileSync(join(path(root), file), "somebody's");
};

/** A layer's directory with its short name, named by nothing. */
function orphan(root: FsckRoot, cacheId: string): void {
  const dir = join(root.overlay2, cacheId);
  mkdirSync(join(dir, "diff"), { recursive: true });
  writeFileSync(join(dir, "diff/file"), "left");
  writeFileSync(join(dir, "link"), "ORPHANORPHANORPHANORPHANOR");
  symlinkSync(`../${cacheId}/diff`, join(root.overlay2, "l/ORPHANORPHANORPHANORPHANOR"));
  mkdirSync(join(dir, "work"));
  writeFileSync(join(dir, "lower"), `l/${root.above.link}:${readFileSync(join(root.above.dir, "lower"), "utf8")}`);
}

/** Everything of the victim's layer that names its directory stays. */
function renames(root: FsckRoot, change: (names: Record<string, Record<string, string>>) => void): void {
  const json = JSON.parse(readFileSync(root.names, "utf8")) as { Repositories: Record<string, Record<string, string>> };
  change(json.Repositories);
  writeFileSync(root.names, JSON.stringify(json));
}

function reconfigure(root: FsckRoot, change: (config: Record<string, unknown>) => void): void {
  const config = JSON.parse(readFileSync(root.config, "utf8")) as Record<string, unknown>;
  change(config);
  writeFileSync(root.config, `${JSON.stringify(config)}\n`);
}

const fault = (
  id: string,
  title: string,
  code: FsckCode,
  repair: Fault["repair"],
  inject: (root: FsckRoot) => void,
): Fault => ({ class: id, title, code, inject, repair });

/** A config that nothing names. */
function config(root: FsckRoot, json: unknown): void {
  const bytes = JSON.stringify(json);
  writeFileSync(join(root.image, "imagedb/content/sha256", sha256(bytes).slice(7)), bytes);
}

export const FAULTS: readonly Fault[] = [
  // The root.
  fault("-", "a file in the place of a directory", "NOT_A_DIRECTORY", "stays", (root) => {
    rmSync(join(root.image, "layerdb/tmp"), { recursive: true, force: true });
    writeFileSync(join(root.image, "layerdb/tmp"), "");
  }),
  fault(
    "-",
    "layers of another driver",
    "SEVERAL_DRIVERS",
    "stays",
    directory((root) => join(root.path, "overlay", HEX)),
  ),
  // The driver's directories.
  fault("G1", "a directory that nothing names", "ORPHAN_LAYER_DIR", "mended", (root) => orphan(root, HEX)),
  fault("G17", "an init layer of no container", "ORPHAN_INIT_DIR", "mended", (root) => orphan(root, `${HEX}-init`)),
  fault("G2", "a short name that leads nowhere", "LINK_STALE", "mended", (root) =>
    symlinkSync(`../${HEX}/diff`, join(root.overlay2, "l/STALESTALESTALESTALESTALES")),
  ),
  fault("G2", "a second short name of a layer", "LINK_STALE", "mended", (root) =>
    symlinkSync(`../${root.layer.cacheId}/diff`, join(root.overlay2, "l/SECONDSECONDSECONDSECONDSE")),
  ),
  fault("G3", "a short name gone", "LINK_MISSING", "mended", remove(link)),
  fault("G3", "a short name that leads to another layer", "LINK_WRONG", "mended", (root) => {
    rmSync(link(root));
    symlinkSync(`../${root.above.cacheId}/diff`, link(root));
  }),
  fault("G3", "a short name that leads out of the root", "LINK_WRONG", "mended", (root) => {
    rmSync(link(root));
    symlinkSync("/etc", link(root));
  }),
  fault("G4", "link gone", "LINK_FILE_MISSING", "mended", remove(inDir("link"))),
  fault("G5", "link empty", "LINK_FILE_EMPTY", "mended", empty(inDir("link"))),
  fault(
    "G6",
    "link with a newline",
    "LINK_FILE_WRONG",
    "mended",
    edit(inDir("link"), (text) => `${text}\n`),
  ),
  fault("G6", "link that is rubbish", "LINK_FILE_WRONG", "mended", put(inDir("link"), "\0\x01../..")),
  fault(
    "G4",
    "link with a name that nobody else knows",
    "LINK_FILE_WRONG",
    "mended",
    put(inDir("link"), "A".repeat(26)),
  ),
  fault("G7", "lower gone", "LOWER_MISSING", "mended", remove(inDir("lower"))),
  fault("G8", "lower empty", "LOWER_EMPTY", "mended", empty(inDir("lower"))),
  fault(
    "G9",
    "lower with an unknown name",
    "LOWER_WRONG",
    "mended",
    edit(inDir("lower"), (t) => `l/${"A".repeat(26)}${t.slice(28)}`),
  ),
  fault(
    "G9",
    "lower in another order",
    "LOWER_WRONG",
    "mended",
    edit(inDir("lower"), (t) => t.split(":").reverse().join(":")),
  ),
  fault(
    "G9",
    "lower with a newline",
    "LOWER_WRONG",
    "mended",
    edit(inDir("lower"), (text) => `${text}\n`),
  ),
  fault(
    "G9",
    "lower of a container's own layer cut short",
    "LOWER_WRONG",
    "mended",
    edit(
      (r) => join(r.rw, "lower"),
      (t) => t.slice(0, 28),
    ),
  ),
  fault("G10", "a layer's files gone", "DIFF_MISSING", "restored", remove(inDir("diff"))),
  fault(
    "G11",
    "a layer's directory gone",
    "LAYER_DIR_MISSING",
    "restored",
    remove((root) => root.layer.dir),
  ),
  fault("G11", "a layer's directory and short name gone", "LAYER_DIR_MISSING", "restored", (root) => {
    rmSync(link(root));
    rmSync(root.layer.dir, { recursive: true });
  }),
  fault(
    "G12",
    "work gone from a container's own layer",
    "WORK_MISSING",
    "mended",
    remove((root) => join(root.rw, "work")),
  ),
  fault("G13", "committed gone", "COMMITTED_MISSING", "mended", remove(inDir("committed"))),
  fault(
    "G14",
    "merged left empty",
    "MERGED_EMPTY",
    "mended",
    directory((root) => join(root.rw, "merged")),
  ),
  fault(
    "G15",
    "merged left with files",
    "MERGED_LEFT",
    "mended",
    directory((root) => join(root.rw, "merged"), "file"),
  ),
  fault(
    "G18",
    "a probe of the driver",
    "PROBE_LEFT",
    "mended",
    directory((root) => join(root.overlay2, "check-overlayfs-support123/lower1")),
  ),
  fault(
    "G18",
    "a stray file among layers",
    "STRAY_IN_DRIVER",
    "mended",
    put((root) => join(root.overlay2, "notes.txt"), "mine"),
  ),
  fault(
    "G18",
    "a stray file among short names",
    "STRAY_IN_DRIVER",
    "mended",
    put((root) => join(root.overlay2, "l/notes.txt"), "mine"),
  ),

  // layerdb.
  fault(
    "L1",
    "an empty directory of no layer",
    "LAYER_ENTRY_EMPTY",
    "mended",
    directory((root) => join(root.image, "layerdb/sha256", HEX)),
  ),
  fault("L1", "a layer's entry emptied", "LAYER_ENTRY_EMPTY", "restored", (root) => {
    for (const name of readdirSync(root.layer.db)) truncateSync(join(root.layer.db, name));
  }),
  fault("L2", "diff gone", "LAYER_DIFF_BAD", "mended", remove(inDb("diff"))),
  fault("L2", "diff empty", "LAYER_DIFF_BAD", "mended", empty(inDb("diff"))),
  fault("L2", "size gone", "LAYER_SIZE_BAD", "mended", remove(inDb("size"))),
  fault(
    "L2",
    "size with a newline",
    "LAYER_SIZE_BAD",
    "mended",
    edit(inDb("size"), (text) => `${text}\n`),
  ),
  fault("L3", "parent gone", "LAYER_PARENT_MISSING", "mended", remove(inDb("parent"))),
  fault("L4", "parent that is no layer", "LAYER_PARENT_WRONG", "mended", put(inDb("parent"), `sha256:${HEX}`)),
  fault("L4", "parent of another layer", "LAYER_PARENT_WRONG", "mended", (root) =>
    cpSync(join(root.below.db, "parent"), join(root.layer.db, "parent")),
  ),
  fault(
    "L4",
    "parent of a base layer",
    "LAYER_PARENT_WRONG",
    "mended",
    put(
      (r) => join(r.base.db, "parent"),
      (r) => r.top.chainId,
    ),
  ),
  fault(
    "L5",
    "the base gone from layerdb",
    "LAYER_MISSING",
    "restored",
    remove((root) => root.base.db),
  ),
  fault(
    "L5",
    "a layer gone from layerdb",
    "LAYER_MISSING",
    "restored",
    remove((root) => root.layer.db),
  ),
  fault("L6", "a layer under a wrong name", "CHAIN_NAME_WRONG", "mended", (root) => {
    const dir = join(root.image, "layerdb/sha256", HEX);
    cpSync(root.layer.db, dir, { recursive: true });
    writeFileSync(join(dir, "cache-id"), "f".repeat(64));
  }),
  fault("L6", "a layer renamed", "CHAIN_NAME_WRONG", "mended", (root) =>
    renameSync(root.layer.db, join(root.image, "layerdb/sha256", HEX)),
  ),
  fault("L7", "diff of another layer", "LAYER_DIFF_WRONG", "mended", (root) =>
    cpSync(join(root.below.db, "diff"), join(root.layer.db, "diff")),
  ),
  fault("L9", "tar-split gone", "TAR_SPLIT_MISSING", "restored", remove(inDb("tar-split.json.gz"))),
  fault("L9", "tar-split empty", "TAR_SPLIT_MISSING", "restored", empty(inDb("tar-split.json.gz"))),
  fault("L13", "a layer that nothing uses", "LAYER_UNUSED", "mended", (root) => {
    const diffId = sha256("unused") as string as DiffId;
    const dir = join(root.image, "layerdb/sha256", chainIdOf(root.above.chainId, diffId).slice(7));
    mkdirSync(dir);
    const files = { diff: diffId, size: "4", "cache-id": HEX, parent: root.above.chainId, "tar-split.json.gz": "x" };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    orphan(root, HEX);
  }),
  fault("L14", "a write-set", "WRITE_SET_LEFT", "mended", (root) => {
    const dir = join(root.image, "layerdb/tmp/write-set-123456");
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "cache-id"), HEX);
    orphan(root, HEX);
  }),
  fault("L14", "a container that was not finished", "CONTAINER_UNFINISHED", "mended", (root) => {
    const dir = join(root.image, "layerdb/tmp", `container-${HEX}`);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "mount-id"), HEX);
    orphan(root, HEX);
    mkdirSync(join(root.path, "containers", HEX));
    writeFileSync(
      join(root.path, "containers", HEX, "config.v2.json"),
      readFileSync(root.config, "utf8").replace(root.container, HEX).replace("/web", "/half"),
    );
  }),
  fault("L14", "unfinished work on a container that is there", "CONTAINER_UNFINISHED", "mended", (root) => {
    const dir = join(root.image, "layerdb/tmp", `container-${root.container}`);
    mkdirSync(dirname(dir), { recursive: true });
    cpSync(root.mount, dir, { recursive: true });
  }),
  fault("L14", "a container that was not wholly removed", "CONTAINER_UNFINISHED", "mended", (root) => {
    const dir = join(root.image, "layerdb/tmp", `removed-${HEX}`);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "mount-id"), HEX);
    orphan(root, HEX);
    mkdirSync(join(root.path, "containers", HEX));
    writeFileSync(
      join(root.path, "containers", HEX, "config.v2.json"),
      readFileSync(root.config, "utf8").replace(root.container, HEX).replace("/web", "/half"),
    );
  }),
  fault("L14", "the removal of a container that was not begun", "CONTAINER_UNFINISHED", "mended", (root) => {
    const dir = join(root.image, "layerdb/tmp", `volumes-${root.container}`);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "names"), HEX);
  }),
  fault("L15", "a layer half removed", "REMOVING_LEFT", "mended", (root) => {
    const dir = join(root.image, "layerdb/sha256", `${HEX}-${HEX}-removing`);
    mkdirSync(dir);
    writeFileSync(join(dir, "cache-id"), HEX);
    orphan(root, HEX);
  }),
  fault("L15", "a removal that names a live layer", "REMOVING_NAMES_LIVE_LAYER", "mended", (root) => {
    const dir = join(root.image, "layerdb/sha256", `${HEX}-${HEX}-removing`);
    mkdirSync(dir);
    writeFileSync(join(dir, "cache-id"), root.layer.cacheId);
  }),
  fault(
    "L16",
    "a stray file in layerdb",
    "STRAY_IN_LAYERDB",
    "mended",
    put((root) => join(root.image, "layerdb/sha256/notes"), "mine"),
  ),

  // imagedb and names.
  fault(
    "I1",
    "a config edited",
    "IMAGE_CHANGED",
    "restored",
    edit(
      (root) => root.content,
      (text) => text.replace("linux", "linus"),
    ),
  ),
  fault(
    "I1",
    "a config emptied",
    "IMAGE_CHANGED",
    "restored",
    empty((root) => root.content),
  ),
  fault("I1", "a FIFO in a config's place", "IMAGE_UNREADABLE", "restored", (root) => {
    rmSync(root.content);
    spawnSync("mkfifo", [root.content]);
  }),
  fault(
    "I3",
    "a config gone",
    "IMAGE_MISSING",
    "restored",
    remove((root) => root.content),
  ),
  fault(
    "I4",
    "notes about an image that is not there",
    "METADATA_STALE",
    "mended",
    directory((root) => join(root.image, "imagedb/metadata/sha256", HEX), "lastUpdated"),
  ),
  fault(
    "I5",
    "a parent image that is not there",
    "IMAGE_PARENT_STALE",
    "mended",
    put((root) => join(root.metadata, "parent"), `sha256:${HEX}`),
  ),
  fault(
    "I6",
    "a time that is none",
    "LAST_UPDATED_INVALID",
    "mended",
    put((root) => join(root.metadata, "lastUpdated"), "yesterday"),
  ),
  fault(
    "I7",
    "a config that was not put in place",
    "TEMPORARY_FILE_LEFT",
    "mended",
    put((root) => join(root.image, "imagedb/content/sha256", `.tmp-${HEX}123`), "{"),
  ),
  ...(
    [
      ["a layer's directory", (root) => root.layer.dir],
      ["a layer's entry", (root) => root.layer.db],
      ["a container's entry", (root) => root.mount],
      ["a container's files", (root) => join(root.path, "containers", root.container)],
    ] as const satisfies readonly (readonly [string, Path])[]
  ).map(([where, path]) =>
    fault("I7", `a file in ${where} that was not put in place`, "TEMPORARY_FILE_LEFT", "mended", (root) =>
      writeFileSync(join(path(root), ".tmp-file2226136305"), ""),
    ),
  ),
  fault(
    "I7",
    "a stray file in imagedb",
    "STRAY_IN_IMAGEDB",
    "mended",
    put((root) => join(root.image, "imagedb/content/sha256/notes"), "mine"),
  ),
  fault(
    "I8",
    "names cut short",
    "REPOSITORIES_INVALID",
    "mended",
    edit(
      (root) => root.names,
      (text) => text.slice(0, -2),
    ),
  ),
  fault("I9", "a name in full form", "REFERENCE_UNFAMILIAR", "mended", (root) =>
    renames(root, (names) => {
      names["docker.io/library/full"] = { "docker.io/library/full:1": root.imageId };
    }),
  ),
  fault("I10", "a name of an image that is not there", "REFERENCE_STALE", "mended", (root) =>
    renames(root, (names) => {
      names["gone"] = { "gone:1": `sha256:${HEX}` };
    }),
  ),
  fault("I10", "a name of an image that was just being brought", "IMAGE_UNFINISHED", "mended", (root) => {
    mkdirSync(join(root.image, "layerdb/tmp", `image-${HEX}`), { recursive: true });
    mkdirSync(join(root.image, "imagedb/metadata/sha256", HEX));
    renames(root, (names) => {
      names["gone"] = { "gone:1": `sha256:${HEX}` };
    });
  }),
  fault("I10", "a name that cannot be parsed", "REFERENCE_INVALID", "mended", (root) =>
    renames(root, (names) => {
      names["Upper"] = { "Upper:1": root.imageId };
    }),
  ),

  fault("I1", "a config that names no layers", "IMAGE_INVALID", "stays", (root) => config(root, { os: "linux" })),
  fault("I2", "an image whose layers are not there", "IMAGE_LAYER_MISSING", "stays", (root) =>
    config(root, { os: "linux", rootfs: { type: "layers", diff_ids: [`sha256:${HEX}`, sha256("2")] } }),
  ),

  // Containers.
  fault("C5", "a container on a layer that nobody knows", "MOUNT_PARENT_MISSING", "stays", (root) => {
    reconfigure(root, (json) => delete json["Image"]);
    writeFileSync(join(root.mount, "parent"), `sha256:${HEX}`);
    for (const dir of [root.rw, root.init]) {
      const path = join(dir, "lower");
      writeFileSync(path, readFileSync(path, "utf8").replace(root.top.link, "A".repeat(26)));
    }
  }),
  fault(
    "C1",
    "a container's files gone",
    "MOUNT_WITHOUT_CONTAINER",
    "mended",
    remove((root) => join(root.path, "containers", root.container)),
  ),
  fault(
    "C2",
    "a container's entry in layerdb gone",
    "MOUNT_MISSING",
    "mended",
    remove((root) => root.mount),
  ),
  fault(
    "C3",
    "mount-id gone",
    "MOUNT_ID_BAD",
    "mended",
    remove((root) => join(root.mount, "mount-id")),
  ),
  fault(
    "C3",
    "mount-id that is rubbish",
    "MOUNT_ID_BAD",
    "mended",
    put((root) => join(root.mount, "mount-id"), "../../etc"),
  ),
  fault(
    "C4",
    "init-id gone",
    "INIT_ID_BAD",
    "mended",
    remove((root) => join(root.mount, "init-id")),
  ),
  fault(
    "C5",
    "a container's parent gone",
    "MOUNT_PARENT_BAD",
    "mended",
    remove((root) => join(root.mount, "parent")),
  ),
  fault(
    "C5",
    "a container's parent of another image",
    "MOUNT_PARENT_BAD",
    "mended",
    put(
      (root) => join(root.mount, "parent"),
      (root) => root.base.chainId,
    ),
  ),
  fault(
    "C6",
    "the init layer gone",
    "INIT_DIR_MISSING",
    "mended",
    remove((root) => root.init),
  ),
  fault(
    "C7",
    "a container's own layer gone",
    "RW_DIR_MISSING",
    "stays",
    remove((root) => root.rw),
  ),
  fault(
    "C8",
    "a container's config empty",
    "CONTAINER_CONFIG_UNREADABLE",
    "stays",
    empty((root) => root.config),
  ),
  fault(
    "C8",
    "a container's config cut short",
    "CONTAINER_CONFIG_UNREADABLE",
    "stays",
    edit(
      (root) => root.config,
      (text) => text.slice(0, 100),
    ),
  ),
  fault(
    "C8",
    "a container's hostconfig.json empty",
    "CONTAINER_CONFIG_UNREADABLE",
    "mended",
    empty((root) => root.hostConfig),
  ),
  fault(
    "C8",
    "a container's hostconfig.json cut short",
    "CONTAINER_CONFIG_UNREADABLE",
    "mended",
    edit(
      (root) => root.hostConfig,
      (text) => text.slice(0, 20),
    ),
  ),
  fault("C8", "a directory in the place of hostconfig.json", "CONTAINER_CONFIG_UNREADABLE", "mended", (root) => {
    rmSync(root.hostConfig);
    mkdirSync(root.hostConfig);
  }),
  fault(
    "C8",
    "a hostconfig.json that is null",
    "CONTAINER_CONFIG_CRASHES",
    "mended",
    put((root) => root.hostConfig, "null\n"),
  ),
  fault(
    "C8",
    "a hostconfig.json with text in the place of a number",
    "CONTAINER_CONFIG_WRONG",
    "mended",
    edit(
      (root) => root.hostConfig,
      (text) => JSON.stringify({ ...JSON.parse(text), ShmSize: "x" }),
    ),
  ),
  fault("C8", "a container with text in the place of a number", "CONTAINER_CONFIG_WRONG", "mended", (root) =>
    reconfigure(root, (config) => {
      config["State"] = { ...(config["State"] as object), Pid: "x" };
    }),
  ),
  fault("C8", "a container with a number in the place of its settings", "CONTAINER_CONFIG_WRONG", "mended", (root) =>
    reconfigure(root, (config) => {
      config["Config"] = 1;
    }),
  ),
  fault("C8", "a container without NetworkSettings", "CONTAINER_CONFIG_CRASHES", "mended", (root) =>
    reconfigure(root, (config) => delete config["NetworkSettings"]),
  ),
  fault("C8", "a container whose State is null", "CONTAINER_CONFIG_CRASHES", "mended", (root) =>
    reconfigure(root, (config) => {
      config["State"] = null;
    }),
  ),
  fault("C8", "a container whose StreamConfig is null", "CONTAINER_CONFIG_CRASHES", "mended", (root) =>
    reconfigure(root, (config) => {
      config["StreamConfig"] = null;
    }),
  ),
  fault("C8", "a container with a null for a mount point", "CONTAINER_CONFIG_CRASHES", "mended", (root) =>
    reconfigure(root, (config) => {
      config["MountPoints"] = { "/x": null };
    }),
  ),
  fault("C8", "a container with a null for a network", "CONTAINER_CONFIG_CRASHES", "mended", (root) =>
    reconfigure(root, (config) => {
      config["NetworkSettings"] = { Networks: { bridge: null } };
    }),
  ),
  fault(
    "C8",
    "a hostconfig.json with a null for a limit",
    "CONTAINER_CONFIG_CRASHES",
    "mended",
    edit(
      (root) => root.hostConfig,
      (text) => `${JSON.stringify({ ...JSON.parse(text), Ulimits: [null] })}\n`,
    ),
  ),
  fault("C8", "a container without Config", "CONTAINER_CONFIG_CRASHES", "mended", (root) =>
    reconfigure(root, (config) => {
      config["Config"] = null;
    }),
  ),
  fault("C8", "a container without Config.Image", "CONTAINER_CONFIG_WRONG", "mended", (root) =>
    reconfigure(root, (config) => {
      config["Config"] = { ...(config["Config"] as object), Image: "" };
    }),
  ),
  fault("C8", "a container with the ID of another", "CONTAINER_CONFIG_WRONG", "mended", (root) =>
    reconfigure(root, (config) => {
      config["ID"] = HEX;
    }),
  ),
  fault("C8", "a container without a driver", "CONTAINER_DRIVER_UNKNOWN", "mended", (root) =>
    reconfigure(root, (config) => delete config["Driver"]),
  ),
  fault("C8", "a container's directory under another name", "CONTAINER_DIR_WRONG", "mended", (root) =>
    renameSync(dirname(root.config), join(dirname(dirname(root.config)), HEX)),
  ),
  fault(
    "C9",
    "a stray file among containers",
    "STRAY_IN_CONTAINERS",
    "mended",
    put((root) => join(root.path, "containers/notes"), "mine"),
  ),
  fault("C5", "a parent that is no layer", "MOUNT_PARENT_BAD", "mended", (root) =>
    writeFileSync(join(root.mount, "parent"), `sha256:${HEX}`),
  ),
  fault("C8", "a container with another image than it was made from", "CONTAINER_IMAGE_WRONG", "mended", (root) =>
    reconfigure(root, (config) => {
      config["Image"] = `sha256:${basename(root.metadata)}`;
    }),
  ),
];

/** Those whose repair asks the layers themselves: on roots whose layers can be rebuilt. */
export const DIRECTORY_FAULTS: readonly Fault[] = [
  fault("L2", "cache-id gone", "LAYER_CACHE_ID_BAD", "mended", remove(inDb("cache-id"))),
  fault(
    "L2",
    "cache-id that climbs out of the root",
    "LAYER_CACHE_ID_BAD",
    "mended",
    put(inDb("cache-id"), "../../etc"),
  ),
  fault("L2", "cache-id that names nothing", "LAYER_CACHE_ID_BAD", "mended", put(inDb("cache-id"), HEX)),
  fault(
    "L2",
    "cache-id of the top layer gone",
    "LAYER_CACHE_ID_BAD",
    "mended",
    remove((root) => join(root.top.db, "cache-id")),
  ),
  fault("L17", "cache-id of another layer", "CACHE_ID_SHARED", "mended", (root) =>
    cpSync(join(root.below.db, "cache-id"), join(root.layer.db, "cache-id")),
  ),
];

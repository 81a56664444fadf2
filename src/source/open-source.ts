/** From what the user wrote for SOURCE to the source it means. */
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { isatty } from "node:tty";
import { MAX_LAYER_BYTES } from "../blob/limit.js";
import { asOvlError, OvlError } from "../errors.js";
import { type ArchiveTree, archiveTree } from "./archive-tree.js";
import { directoryTree } from "./directory-tree.js";
import type { FileTree } from "./file-tree.js";
import { type Locator, parseLocator } from "./locator.js";
import { NO_OPTIONS, type RegistryOptions } from "./registry/options.js";
import type { ImageSource } from "./source.js";
import { seekable } from "./spool.js";

export interface OpenedSource {
  readonly source: ImageSource;
  /** The NAME of `oci:DIR:NAME` and its like, for `Selection.name`; null where the text has none. */
  readonly name: string | null;
}

/**
 * Opens a SOURCE. A compressed archive, and one that comes through a pipe, is read to its end here.
 * A registry is asked only when its images are.
 * @param registry what the user says about registries
 * @param maxBytes that a compressed archive may unpack to
 * Throws USAGE, NOT_FOUND, BAD_ARCHIVE, UNSUPPORTED_MEDIA_TYPE, PERMISSION, NO_SPACE, IO.
 */
export async function openSource(
  text: string,
  registry: RegistryOptions = NO_OPTIONS,
  maxBytes: number = MAX_LAYER_BYTES,
): Promise<OpenedSource> {
  const locator = parseLocator(text);
  return { source: await sourceOf(locator, registry, maxBytes), name: "name" in locator ? locator.name : null };
}

async function sourceOf(locator: Locator, registry: RegistryOptions, maxBytes: number): Promise<ImageSource> {
  switch (locator.kind) {
    case "oci":
      return openDirectory(locator.path);
    case "oci-archive":
      return ociLayout("oci-archive", await openArchive(locator.path, maxBytes));
    case "docker-archive":
      return dockerArchive(await openArchive(locator.path, maxBytes));
    case "path":
      return (await isDirectory(locator.path))
        ? openDirectory(locator.path)
        : detected(await openArchive(locator.path, maxBytes));
    case "stdin":
      return detected(await openStdin(maxBytes));
    case "registry":
      return (await import("./registry/registry-source.js")).registrySource(locator.reference, registry);
  }
}

// Each kind is loaded only for a source of it: an HTTP client alone takes longer than most commands do.

async function ociLayout(kind: "oci" | "oci-archive", tree: FileTree): Promise<ImageSource> {
  return (await import("./oci-layout.js")).ociSource(kind, tree);
}

async function dockerArchive(tree: ArchiveTree, isLayout = false): Promise<ImageSource> {
  return (await import("./docker-archive.js")).dockerSource(tree, isLayout);
}

async function openDirectory(path: string): Promise<ImageSource> {
  if (!(await isDirectory(path))) {
    throw new OvlError("BAD_ARCHIVE", `${path} is a file, not a directory; for an archive write oci-archive:${path}`, {
      path,
    });
  }
  return ociLayout("oci", directoryTree(path, path));
}

async function openArchive(path: string, maxBytes: number): Promise<ArchiveTree> {
  if (await isDirectory(path)) {
    throw new OvlError("BAD_ARCHIVE", `${path} is a directory, not an archive; for an OCI layout write oci:${path}`, {
      path,
    });
  }
  try {
    // A FIFO would otherwise be waited for here, in a place that no signal reaches.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return await archiveBehind(fd, 0, path, maxBytes, () => closeSync(fd));
  } catch (error) {
    throw asOvlError(error);
  }
}

async function openStdin(maxBytes: number): Promise<ArchiveTree> {
  const stdin = 0;
  if (isatty(stdin)) {
    throw new OvlError("USAGE", "- reads an archive from standard input, which is a terminal; redirect a file into it");
  }
  return archiveBehind(stdin, positionOf(stdin), "standard input", maxBytes, () => {});
}

async function archiveBehind(
  fd: number,
  offset: number,
  location: string,
  maxBytes: number,
  close: () => void,
): Promise<ArchiveTree> {
  const file = await seekable(fd, offset, location, maxBytes, close);
  try {
    return archiveTree(file.range, location, () => file[Symbol.dispose]());
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

/** Bytes of a redirected file that the programs before this one have read already. */
export function positionOf(fd: number): number {
  return Number(/^pos:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1] ?? 0);
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw asOvlError(error);
    throw new OvlError("NOT_FOUND", `no such file or directory: ${path}`, { path }, { cause: error });
  }
}

/** The kind of an archive by what is in it. One that is both (docker >= 25) is a docker archive. */
async function detected(tree: ArchiveTree): Promise<ImageSource> {
  try {
    if (tree.has("manifest.json")) return await dockerArchive(tree, tree.has("index.json"));
    if (tree.has("oci-layout") || tree.has("index.json")) return await ociLayout("oci-archive", tree);
    const { isLegacyArchive } = await import("./docker-legacy.js");
    if (isLegacyArchive(tree)) return await dockerArchive(tree);
    throw new OvlError(
      "BAD_ARCHIVE",
      `${tree.location} holds no image: neither manifest.json (docker save) nor oci-layout is in it; a root filesystem is taken in with ovl import`,
      { path: tree.location },
    );
  } catch (error) {
    tree[Symbol.dispose]();
    throw error;
  }
}

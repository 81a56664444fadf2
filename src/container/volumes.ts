/**
 * Volumes that an image wants, one for each container: `volumes/<name>/_data`, filled with what the image has in its
 * place. dockerd's local driver takes every directory there for a volume; its database knows nothing that it needs.
 */
import { randomBytes } from "node:crypto";
import { join, posix } from "node:path";
import { ensureDirectory, makeDirectory, syncDirectory } from "../driver/files.js";
import { isDirectory } from "../driver/is-directory.js";
import { OvlError } from "../errors.js";
import { byteStringOf, utf8Of } from "../model/bytes.js";
import type { GoStruct } from "../model/go-json.js";
import { Union, type UnionOptions } from "../rootfs/union.js";
import { writeOut } from "../rootfs/write-out.js";
import { syncFileSystem } from "../sys/sync.js";

export interface NewVolume {
  /** 64 hex digits. */
  readonly name: string;
  /** Where it is in the container, cleaned as Go does it: what the image has without a leading slash stays so. */
  readonly destination: string;
}

/** @param paths as the image says them */
export function nameVolumes(paths: readonly string[]): NewVolume[] {
  const destinations = new Set(paths.map((path) => posix.normalize(path).replace(/(?<=.)\/$/, "")));
  return [...destinations].map((destination) => ({ name: randomBytes(32).toString("hex"), destination }));
}

/** `MountPoints` of config.v2.json. */
export function mountPointsOf(volumes: readonly NewVolume[]): ReadonlyMap<string, GoStruct> {
  return new Map(
    volumes.map(({ name, destination }) => [
      destination,
      {
        Source: "",
        Destination: destination,
        RW: true,
        Name: name,
        Driver: "local",
        Type: "volume",
        Spec: {},
        SkipMountpointCreation: false,
      },
    ]),
  );
}

/**
 * @param dirs content directories of the container's layers, topmost first
 * Throws BAD_CONFIG for a place that a volume cannot be mounted on, before any of them is made.
 */
export async function makeVolumes(
  root: string,
  volumes: readonly NewVolume[],
  dirs: readonly string[],
  { signal, ...options }: UnionOptions & { readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if (volumes.length === 0) return;
  using union = new Union(dirs, options);
  const contents = volumes.map(({ destination }) => contentOf(union, destination));
  const directory = join(root, "volumes");
  ensureDirectory(directory, 0o701);
  if (!isDirectory(directory)) {
    const message = `${directory} is no directory, and nothing is written through a symbolic link: to have it elsewhere, use a bind mount`;
    throw new OvlError("BAD_ROOT", message, { path: directory });
  }
  for (const [i, { name }] of volumes.entries()) {
    makeDirectory(join(directory, name), 0o701);
    const data = join(directory, name, "_data");
    makeDirectory(data, 0o755);
    const layers = contents[i] ?? [];
    if (layers.length === 0) continue;
    using content = new Union(layers, options);
    await writeOut(content, data, { link: "copy", signal });
  }
  syncFileSystem(directory);
  syncDirectory(directory);
}

/** The directories of the layers that show in a place of the union, topmost first; none where nothing is there. */
function contentOf(union: Union, destination: string): string[] {
  using found = union.locate(byteStringOf(destination), "all");
  const { entry, obstacle, directory, path } = found;
  const other = entry === null ? obstacle : entry.type === "directory" ? null : entry;
  if (other !== null) {
    throw new OvlError("BAD_CONFIG", `the image wants a volume on ${destination}, which is a ${other.type} in it`, {
      path: destination,
    });
  }
  if (entry === null) return [];
  const text = utf8Of(path);
  if (text === null) {
    throw new OvlError("BAD_CONFIG", `the image wants a volume on ${destination}, whose real name is not UTF-8`, {
      path: destination,
    });
  }
  using inner = directory.enter(entry);
  return inner.layers.map((layer) => join(union.dirs[layer] as string, text));
}

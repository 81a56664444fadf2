/** Files copied out of a container and into it, as `docker cp` does, with nothing mounted. */
import { resolve } from "node:path";
import { refuseRemapped } from "../driver/layer-ids.js";
import { refuseMounted } from "../driver/layer-mounts.js";
import { OvlError } from "../errors.js";
import type { ByteString } from "../model/bytes.js";
import { writeTar } from "../rootfs/export.js";
import { layersOf } from "../rootfs/layers.js";
import { openUnion } from "../rootfs/open.js";
import { Pace } from "../rootfs/pace.js";
import { Union, type UnionWarning } from "../rootfs/union.js";
import type { Container } from "../store/mounts.js";
import { resolveContainer } from "../store/resolve-container.js";
import type { Store } from "../store/store.js";
import { isMachineRoot } from "../sys/privilege.js";
import { syncFileSystem } from "../sys/sync.js";
import type { TarSource } from "../tar/input.js";
import { TarReader } from "../tar/reader.js";
import { copyInto } from "./copy-into.js";
import { CopyMounts } from "./copy-mounts.js";
import { type CopyObject, objectsIn, objectsOf } from "./copy-objects.js";
import { type CopyEnd, copySource, copyTarget } from "./copy-paths.js";
import { tarOfObjects } from "./copy-tar.js";
import { damageOf } from "./damage.js";
import { labelOf } from "./label.js";
import { UpperLayer } from "./upper.js";

export interface CopyOptions {
  /** A symlink that the source names stands for what it leads to. */
  readonly follows: boolean;
  /** Out of a container, too, objects keep their owners. */
  readonly keepsOwners: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Copied {
  readonly container: string;
  /** Where things were put: the directory, or `-` for the tar on standard output. */
  readonly path: string;
  readonly warnings: readonly UnionWarning[];
}

type ContainerEnd = Extract<CopyEnd, { kind: "container" }>;
type OtherEnd = Exclude<CopyEnd, ContainerEnd>;

/**
 * Throws NOT_FOUND, USAGE for what is mounted in the container or a target that does not fit, and the system's errors.
 */
export async function copyOut(store: Store, from: ContainerEnd, to: OtherEnd, options: CopyOptions): Promise<Copied> {
  const container = resolveContainer(store, from.container);
  using union = openUnion(store, layersOf(store, { kind: "container", id: container.id, container }));
  using mounts = new CopyMounts(store, container, union);
  mounts.guard(union, "read");
  using source = copySource(union, rooted(from.path), options.follows);
  const objects = (name: ByteString) => objectsOf(source.located, name, (path) => mounts.fileAt(path));
  const leftOut = source.isDirectory ? mounts.warningsBelow(source.located.path) : [];
  const done = (path: string) => ({ container: container.id, path, warnings: [...union.warnings, ...leftOut] });
  if (to.kind === "stream") return done(await writeTar(tarOfObjects(objects(source.name)), "-", options.signal));
  using host = new Union(["/"]);
  const target = copyTarget(host, absolute(to.path), source);
  return done(await put(host, target.directory, objects(target.name), options));
}

/**
 * Throws NOT_FOUND, USAGE, also for what is mounted in the container, IN_USE for one that runs or is itself mounted,
 * BAD_ROOT, and the system's errors; what was copied before a failure stays.
 * @param tar what comes from standard input where that is the source
 */
export async function copyIn(
  store: Store,
  from: OtherEnd,
  to: ContainerEnd,
  tar: TarSource | null,
  options: CopyOptions,
): Promise<Copied> {
  const container = resolveContainer(store, to.container);
  refuse(store, container);
  using union = openUnion(store, layersOf(store, { kind: "container", id: container.id, container }));
  using mounts = new CopyMounts(store, container, union);
  mounts.guard(union, "write");
  const path = rooted(to.path);
  const keeping = { ...options, keepsOwners: isMachineRoot() };
  const answer = { container: container.id, warnings: union.warnings };
  if (from.kind === "stream") {
    if (tar === null) throw new OvlError("INTERNAL", "no tar was given to copy from");
    const { directory } = copyTarget(union, path, null);
    const copied = await put(union, directory, objectsIn(new TarReader(tar)), keeping);
    syncFileSystem(store.driver.home);
    return { ...answer, path: copied };
  }
  using host = new Union(["/"]);
  using source = copySource(host, absolute(from.path), options.follows);
  const target = copyTarget(union, path, source);
  const copied = await put(union, target.directory, objectsOf(source.located, target.name), keeping);
  syncFileSystem(store.driver.home);
  return { ...answer, path: copied };
}

async function put(
  union: Union,
  directory: ByteString,
  objects: Iterable<CopyObject>,
  { keepsOwners, signal }: CopyOptions,
): Promise<string> {
  using upper = new UpperLayer(union, isMachineRoot());
  await copyInto(objects, { union, upper, directory, keepsOwners: keepsOwners && isMachineRoot() }, new Pace(signal));
  return `/${Buffer.from(directory, "latin1").toString("utf8")}`;
}

/** The kernel says that what is mounted must not be changed below it. */
function refuse(store: Store, container: Container): void {
  const { id, name, running, mount } = container;
  const who = labelOf({ id, name });
  if (store.driver.name !== "overlay2") {
    throw new OvlError("BAD_ROOT", `ovl writes to containers of overlay2; ${store.root} has ${store.driver.name}`, {
      root: store.root,
    });
  }
  refuseRemapped(store.driver);
  if (running) throw new OvlError("IN_USE", `${who} is running; stop it, or use docker cp`, { container: id });
  const damage = damageOf(store, container);
  if (damage !== null) throw new OvlError("BAD_ROOT", damage.message, { container: id, path: damage.path });
  if (mount?.mountId) refuseMounted(store.driver, [mount.mountId]);
}

function rooted(path: string): string {
  return path.replace(/^\/*/, "/");
}

/** A slash and a dot at the end mean something. */
function absolute(path: string): string {
  const end = /(^|\/)\.$/.test(path) ? "/." : path.endsWith("/") ? "/" : "";
  return `${resolve(path)}${end}`;
}

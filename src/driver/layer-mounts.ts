/** Which layers of a driver are mounted, where, and by whom they are used. */
import { readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { OvlError } from "../errors.js";
import { type CacheId, isCacheId } from "../model/digest.js";
import type { Driver } from "./driver.js";
import { type MountEntry, mountTable } from "./mount-table.js";

export interface LayerMount {
  readonly point: string;
  /** The layer whose view it is: the topmost one. */
  readonly cacheId: CacheId;
  /** All layers that it consists of, topmost first. */
  readonly layers: readonly CacheId[];
  /** Whether writing to it would write to its topmost layer. */
  readonly readOnly: boolean;
}

/** Mounts of a driver's layers that this process sees, in the order in which they were made. */
export function layerMounts(driver: Driver, table: readonly MountEntry[] = mountTable()): LayerMount[] {
  const home = homeOf(driver);
  if (home === null) return [];
  return table.flatMap((entry) => {
    const layers = entry.type === "overlay" ? overlayLayers(driver, home, entry) : boundLayer(home, entry);
    const [cacheId] = layers;
    if (cacheId === undefined) return [];
    const readOnly = entry.readOnly || (entry.type === "overlay" && !entry.options.has("upperdir"));
    return [{ point: entry.point, cacheId, layers, readOnly }];
  });
}

/** Throws IN_USE where a mount, wherever it is, shows the content of one of these layers. */
export function refuseMounted(driver: Driver, cacheIds: readonly CacheId[]): void {
  const mount = layerMounts(driver).find(({ layers }) => layers.some((id) => cacheIds.includes(id)));
  if (mount === undefined) return;
  throw new OvlError("IN_USE", `${mount.point} is a mount of it; unmount it first`, { path: mount.point });
}

interface Home {
  /** Without symlinks. */
  readonly path: string;
  readonly device: string;
}

function homeOf(driver: Driver): Home | null {
  try {
    const path = realpathSync(driver.home);
    const { dev } = statSync(path);
    // The C library's split of a device number, for the numbers that filesystems have.
    return { path, device: `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}` };
  } catch {
    return null;
  }
}

/**
 * Relative paths, as they are where absolute ones would be too long, could be another root's: all of them must lead
 * to layers of this one. What is below this root is mounted, however damaged it has become.
 */
function overlayLayers(driver: Driver, home: Home, { options }: MountEntry): CacheId[] {
  const upper = options.get("upperdir");
  const lowers = splitLowers(options.get("lowerdir") ?? "");
  const layers: CacheId[] = [];
  for (const dir of upper === undefined ? lowers : [upper, ...lowers]) {
    const layer = layerOf(home, dir);
    if (dir.startsWith(`${home.path}/`)) {
      if (layer !== null) layers.push(layer);
    } else if (layer === null || !driver.has(layer)) return [];
    else layers.push(layer);
  }
  return layers;
}

/** A colon in a path is escaped by a backslash. */
function splitLowers(option: string): string[] {
  if (option === "") return [];
  return option.split(/(?<!\\):/).map((dir) => dir.replace(/\\(.)/g, "$1"));
}

function layerOf(home: Home, path: string): CacheId | null {
  const absolute = path.startsWith("/") ? path : join(home.path, path);
  const parent = dirname(absolute);
  if (parent === join(home.path, "l")) {
    try {
      return nameOf(dirname(readlinkSync(absolute)));
    } catch {
      return null;
    }
  }
  return dirname(parent) === home.path ? nameOf(parent) : null;
}

function nameOf(path: string): CacheId | null {
  const name = basename(path);
  return isCacheId(name) ? name : null;
}

/** The only layer of a stack is mounted as it is, by a bind mount of its content. */
function boundLayer(home: Home, { device, root, point }: MountEntry): CacheId[] {
  const merged = dirname(dirname(point)) === home.path && basename(point) === "merged";
  if (merged) return [basename(dirname(point)) as CacheId].filter(isCacheId);
  const [, above = "", layer = ""] = /^(.*)\/([^/]+)\/(?:diff|root)$/.exec(root) ?? [];
  if (device !== home.device || basename(above) !== basename(home.path) || !home.path.endsWith(above)) return [];
  return [layer as CacheId].filter(isCacheId);
}

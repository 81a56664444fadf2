/**
 * Which owners the files of a layer have. `dockerd --userns-remap` keeps its root in `ROOT/<uid>.<gid>/`, and adds these
 * two to every id that a layer brings; all but the content of layers is root's there, too.
 */
import { lstatSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { OvlError } from "../errors.js";
import type { Driver } from "./driver.js";

/** What the ids of entries are counted from: 0 and 0 where nothing is remapped. */
export interface Ids {
  readonly uid: number;
  readonly gid: number;
}

/**
 * @param content directory of a layer's content
 * @returns null where an ordinary user made the layer, who gives nobody else's ids
 */
export function layerIds(content: string): Ids | null {
  const own = lstatSync(content, { throwIfNoEntry: false });
  if (own === undefined || own.uid === 0) return { uid: 0, gid: 0 };
  const image = lstatSync(join(dirname(dirname(dirname(content))), "image"), { throwIfNoEntry: false });
  return image?.uid === 0 ? { uid: own.uid, gid: own.gid } : null;
}

/** Throws BAD_ROOT where a dockerd would expect other owners than ovl gives. */
export function refuseRemapped(driver: Driver): void {
  const ids = remappedIds(driver);
  if (ids === null) return;
  const root = dirname(driver.home);
  const message = `${root} is a docker root with remapped user ids (its root is ${ids.uid}:${ids.gid}), which ovl reads, but adds no files to: their owners would be wrong; let the docker that it belongs to do it, with "docker load" for an image`;
  throw new OvlError("BAD_ROOT", message, { root });
}

function remappedIds(driver: Driver): Ids | null {
  const root = dirname(driver.home);
  const [, uid, gid] = /^(\d+)\.(\d+)$/.exec(basename(root)) ?? [];
  // Its group says so where there is no layer yet; a directory may be called like that for other reasons.
  if (uid !== undefined && gid !== "0" && lstatSync(driver.home, { throwIfNoEntry: false })?.gid === Number(gid)) {
    return { uid: Number(uid), gid: Number(gid) };
  }
  const layer = driver.list().find((cacheId) => driver.has(cacheId));
  const ids = layer === undefined ? null : layerIds(driver.contentDir(layer));
  return ids === null || ids.uid === 0 ? null : ids;
}

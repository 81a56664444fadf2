/**
 * Which owners the files of a layer have. `dockerd --userns-remap` keeps its root in `ROOT/<uid>.<gid>/`, and adds
 * these two to every id that a layer brings; all but the content of layers is root's there, too.
 */
import { lstatSync, type Stats } from "node:fs";
import { basename, dirname, join } from "node:path";
import { OvlError } from "../errors.js";
import type { Driver } from "./driver.js";
import { namesIn } from "./files.js";

/** What the ids of entries are counted from: 0 and 0 where nothing is remapped. */
export interface Ids {
  readonly uid: number;
  readonly gid: number;
}

/**
 * @param content directory of a layer's content, whose owner may be one that the layer brings
 * @returns null where an ordinary user made the layer, who gives nobody else's ids
 */
export function layerIds(content: string): Ids | null {
  const own = look(content);
  return own === null || own.uid === 0 ? { uid: 0, gid: 0 } : remappedIds(dirname(dirname(content)));
}

/** Throws BAD_ROOT where a dockerd would expect other owners than ovl gives. */
export function refuseRemapped(driver: Driver): void {
  const ids = remappedIds(driver.home);
  if (ids === null) return;
  const root = dirname(driver.home);
  const message = `${root} is a docker root with remapped user ids (its root is ${ids.uid}:${ids.gid}), which ovl reads, but adds no files to: their owners would be wrong; let the docker that it belongs to do it, with "docker load" for an image`;
  throw new OvlError("BAD_ROOT", message, { root });
}

/**
 * null where nothing is remapped. dockerd gives the driver's directory to root and the remapped group, and what is in
 * those of layers to the remapped user; older ones gave all of it to that user.
 */
function remappedIds(home: string): Ids | null {
  const own = look(home);
  if (own === null || own.gid === 0) return null;
  const { uid, gid } = own;
  // An ordinary user has the rest of the root as well.
  if (uid !== 0) return look(join(dirname(home), "image"))?.uid === 0 ? { uid, gid } : null;
  const [, first, group] = /^(\d+)\.(\d+)$/.exec(basename(dirname(home))) ?? [];
  if (first !== undefined && Number(group) === gid) return { uid: Number(first), gid };
  for (const name of namesIn(home)) {
    // Of what is not a base layer; no layer brings an owner for it.
    const inside = look(join(home, name, "work")) ?? look(join(home, name, "diff"));
    if (inside !== null && inside.uid !== 0 && inside.gid === gid) return { uid: inside.uid, gid };
  }
  return null;
}

/** null for what is not there, or not to be seen. */
function look(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
}

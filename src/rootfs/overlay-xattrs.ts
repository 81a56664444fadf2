/**
 * The overlay filesystem's own extended attributes, by which it marks directories and files:
 * Documentation/filesystems/overlayfs.rst. `trusted.overlay.*` counts always; `user.overlay.*` only where the layers
 * were made and are mounted without root's rights (mount option `userxattr`), else it is an attribute like any other.
 */
import type { ByteString } from "../model/bytes.js";
import { ENODATA, EOPNOTSUPP } from "../sys/errno.js";
import { isYes } from "../sys/opaque.js";
import { getXattrAt, listXattrsAt } from "../sys/xattr.js";

const TRUSTED = "trusted.overlay.";
const USER = "user.overlay.";

export interface OverlayMarks {
  /** The directory hides what lower layers have in it. */
  readonly opaque: boolean;
  /** The directory's lower part has another name: where it was renamed with `redirect_dir` on. */
  readonly redirect: boolean;
  /** The file is only metadata; its content lies in a lower layer. */
  readonly metacopy: boolean;
}

const NONE: OverlayMarks = { opaque: false, redirect: false, metacopy: false };

/** Marks of an object by name in an open directory, or `-errno`. */
export function overlayMarks(dir: number, name: ByteString, userXattrs: boolean): OverlayMarks | number {
  const names = listXattrsAt(dir, name);
  if (typeof names === "number") return names === -EOPNOTSUPP ? NONE : names;
  const own = names.filter((attribute) => isOwn(attribute, userXattrs));
  if (own.length === 0) return NONE;
  const has = (mark: string) => own.some((attribute) => attribute.endsWith(`.overlay.${mark}`));
  return {
    opaque: own.some((attribute) => attribute.endsWith(".overlay.opaque") && isYes(getXattrAt(dir, name, attribute))),
    redirect: has("redirect"),
    metacopy: has("metacopy"),
  };
}

/** Extended attributes as a mount of the layers shows them; or `-errno`. */
export function visibleXattrs(
  dir: number,
  name: ByteString,
  userXattrs: boolean,
): Map<ByteString, Uint8Array> | number {
  const names = listXattrsAt(dir, name);
  if (typeof names === "number") return names === -EOPNOTSUPP ? new Map() : names;
  const xattrs = new Map<ByteString, Uint8Array>();
  for (const attribute of names) {
    if (isOwn(attribute, userXattrs)) continue;
    const value = getXattrAt(dir, name, attribute);
    // Removed since, or not for this user to see.
    if (value === null || value === -ENODATA) continue;
    if (typeof value === "number") return value;
    xattrs.set(attribute, value);
  }
  return xattrs;
}

function isOwn(attribute: ByteString, userXattrs: boolean): boolean {
  return attribute.startsWith(TRUSTED) || (userXattrs && attribute.startsWith(USER));
}

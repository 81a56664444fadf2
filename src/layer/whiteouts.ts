/** Whiteouts and opaque marks of a layer tar, made into what the kernel's overlay filesystem reads in their place. */
import type { ByteString } from "../model/bytes.js";
import { close, makeNodeAt, O_PATH, S_IFCHR } from "../sys/at.js";
import { changeOwnerAt } from "../sys/attributes.js";
import { EEXIST, EPERM } from "../sys/errno.js";
import { ownMark, YES } from "../sys/opaque.js";
import { isDirectory, statAt } from "../sys/stat.js";
import { setXattrOfPathFd } from "../sys/xattr.js";
import type { TarEntry } from "../tar/entry.js";
import { OPAQUE, WHITEOUT } from "../tar/whiteout.js";
import type { ApplyTarget, EntryPath } from "./apply-target.js";

export function isWhiteout(at: EntryPath): boolean {
  return at.base.startsWith(WHITEOUT);
}

export function applyWhiteout(target: ApplyTarget, entry: TarEntry, at: EntryPath): void {
  removeNamesake(target, entry, at);
  if (at.base === OPAQUE) markOpaque(target, at);
  else makeWhiteout(target, entry, at);
}

/** Something may really be called so: a directory that a deeper name implied, or `.wh.x` whited out as `.wh..wh.x`. */
function removeNamesake(target: ApplyTarget, entry: TarEntry, at: EntryPath): void {
  const dir = target.jail.directory(at.parent);
  const stat = dir < 0 ? dir : statAt(dir, at.base);
  if (typeof stat === "number" || (isDirectory(stat) && entry.type === "directory")) return;
  target.remove(at);
}

/** The directory hides what lower layers have in it. dockerd marks whatever is there, a file too. */
function markOpaque(target: ApplyTarget, at: EntryPath): void {
  const name = ownMark();
  const fd = target.must(target.jail.open((at.parent || ".") as ByteString, O_PATH), "its directory");
  try {
    target.must(setXattrOfPathFd(fd, name, YES), `the mark ${name} of its directory`);
  } finally {
    close(fd);
  }
}

const NO_WHITEOUTS =
  "a whiteout (character device 0:0), which an overlay filesystem, such as a container's own, does not take; choose a root on another one (a volume, a tmpfs)";

/** A character device 0:0 hides one name of the lower layers. Its mode is 0 and its time is now. */
function makeWhiteout(target: ApplyTarget, entry: TarEntry, at: EntryPath): void {
  const hidden = at.base.slice(WHITEOUT.length) as ByteString;
  const dir = target.directoryOf(at);
  // The directory itself, or the one above: dockerd meets what is there already.
  const named = hidden !== "" && hidden !== "." && hidden !== "..";
  const made = named ? makeNodeAt(dir, hidden, S_IFCHR, 0) : -EEXIST;
  if (made === -EEXIST)
    throw target.refusal(`whiteout of "${hidden}", which is in the same layer: EEXIST`, { errno: "EEXIST" });
  if (made === -EPERM) throw target.failure(EPERM, NO_WHITEOUTS);
  target.must(made, "a whiteout (character device 0:0)");
  if (target.givesOwner(entry.uid, entry.gid)) {
    target.must(changeOwnerAt(dir, hidden, entry.uid, entry.gid), "the owner of a whiteout");
  }
}

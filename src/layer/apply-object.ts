/**
 * Making the object of one tar entry: what moby's `createTarFile` does, in its order. Owner before mode, because
 * chown takes set-user-id away; extended attributes before mode, because an ACL has mode bits in it; times last.
 */
import { constants } from "node:fs";
import type { ByteSource } from "../blob/byte-source.js";
import { type ByteString, displayName } from "../model/bytes.js";
import {
  close,
  deviceNumber,
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  makeSymlinkAt,
  O_PATH,
  openAt,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
} from "../sys/at.js";
import {
  changeMode,
  changeModeAt,
  changeModeOfPathFd,
  changeOwner,
  changeOwnerAt,
  changeTimes,
  changeTimesAt,
  changeTimesOfPathFd,
} from "../sys/attributes.js";
import { EEXIST, ELOOP, ENOTDIR, EPERM } from "../sys/errno.js";
import { isSymlink, statAt, statOf } from "../sys/stat.js";
import { writeAll } from "../sys/write.js";
import { cleanPath } from "../tar/clean.js";
import type { TarEntry } from "../tar/entry.js";
import { insideLayer, leadsOut, relative } from "./apply-path.js";
import type { ApplyTarget, EntryPath } from "./apply-target.js";
import { symlinkTimesOf, timesOf } from "./apply-times.js";
import { setXattrs, setXattrsAt } from "./apply-xattrs.js";
import { parentOf } from "./jail.js";

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** @param payload read to its end for a regular file, not at all for anything else */
export function makeObject(target: ApplyTarget, entry: TarEntry, at: EntryPath, payload: ByteSource): void {
  switch (entry.type) {
    case "file":
      makeFile(target, entry, at, payload);
      break;
    case "directory":
      makeDirectory(target, entry, at);
      break;
    case "symlink":
      makeSymlink(target, entry, at);
      break;
    case "hardlink":
      makeHardLink(target, entry, at);
      break;
    case "char":
    case "block":
    case "fifo":
      makeNode(target, entry, at);
      break;
    case "unknown":
      throw target.refusal(`unhandled tar header type ${entry.typeFlag}`);
  }
}

function makeFile(target: ApplyTarget, entry: TarEntry, at: EntryPath, payload: ByteSource): void {
  const fd = target.must(
    target.replace(at, (dir) => openAt(dir, at.base, NEW_FILE, 0o600)),
    "its file",
  );
  try {
    for (let bytes = payload.read(); bytes !== null; bytes = payload.read()) {
      target.must(writeAll(fd, bytes), "its content");
      target.bytes += bytes.byteLength;
    }
    giveAttributes(target, entry, fd);
    const { atime, mtime } = timesOf(entry);
    target.must(changeTimes(fd, atime, mtime), "its times");
  } finally {
    close(fd);
  }
}

/** Over a directory that is there already only the attributes are new. Its times come when the layer is done. */
function makeDirectory(target: ApplyTarget, entry: TarEntry, at: EntryPath): void {
  let fd = openNewDirectory(target.directoryOf(at), at.base);
  if (fd === -ENOTDIR || fd === -ELOOP) {
    target.remove(at);
    fd = openNewDirectory(target.directoryOf(at), at.base);
  }
  target.must(fd, "its directory");
  if (at.path === "") {
    giveAttributes(target, entry, fd);
    close(fd);
    return;
  }
  target.jail.hold(at.path, fd);
  giveAttributes(target, entry, fd);
}

function openNewDirectory(dir: number, base: ByteString): number {
  const made = makeDirectoryAt(dir, base, 0o700);
  return made < 0 && made !== -EEXIST ? made : openAt(dir, base, DIRECTORY);
}

function makeSymlink(target: ApplyTarget, entry: TarEntry, at: EntryPath): void {
  target.must(
    target.replace(at, (dir) => makeSymlinkAt(entry.linkName, dir, at.base)),
    `a symlink to "${displayName(entry.linkName)}"`,
  );
  target.bytes += entry.linkName.length;
  giveOwnerAndXattrsAt(target, entry, at);
  const { atime, mtime } = symlinkTimesOf(entry);
  target.must(changeTimesAt(target.directoryOf(at), at.base, atime, mtime), "its times");
}

/**
 * A further name for an object of this layer, which then gets this entry's attributes. The name to link to is taken
 * lexically, as if the layer were `/`; only its directory's symlinks are followed.
 */
function makeHardLink(target: ApplyTarget, entry: TarEntry, at: EntryPath): void {
  const link = insideLayer(cleanPath(entry.linkName));
  if (leadsOut(entry.linkName))
    target.contained(`is a hard link to "${displayName(entry.linkName)}", outside the layer`);
  const base = (link.slice(link.lastIndexOf("/") + 1) || ".") as ByteString;
  if (target.isLeftOut(link)) {
    target.leaveOut(at.path);
    return;
  }
  const made = target.replace(at, (dir) => {
    const from = target.jail.directory(parentOf(link));
    return from < 0 ? from : linkAt(from, base, dir, at.base);
  });
  if (made === -EPERM)
    throw target.refusal(`a hard link to "${displayName(link)}": EPERM (is it a directory?)`, { errno: "EPERM" });
  target.must(made, `a hard link to "${displayName(link)}", which must be in the layer before it`);
  giveOwnerAndXattrsAt(target, entry, at);
  const isLink = leadsToSymlink(target, at);
  // moby looks at the link's text instead, and does nothing more where that is a symlink or leads nowhere.
  if (isPlain(entry.linkName, link) ? isLink : !leadsToObject(target, entry.linkName)) return;
  if (isLink) giveModeAndTimesBehind(target, entry, at);
  else giveModeAndTimesAt(target, entry, at);
}

/** Whether the kernel's walk of a link's text ends where its cleaned form does. */
function isPlain(text: ByteString, cleaned: ByteString): boolean {
  return text === cleaned || (text.length === cleaned.length + 1 && text === `/${cleaned}`) || text === `./${cleaned}`;
}

function leadsToSymlink(target: ApplyTarget, at: EntryPath): boolean {
  const stat = statAt(target.directoryOf(at), at.base);
  if (typeof stat === "number") throw target.failure(-stat, "its attributes");
  return isSymlink(stat);
}

function leadsToObject(target: ApplyTarget, text: ByteString): boolean {
  const fd = target.jail.open(relative(text), O_PATH | constants.O_NOFOLLOW);
  if (fd < 0) return false;
  const stat = statOf(fd);
  close(fd);
  return typeof stat !== "number" && !isSymlink(stat);
}

const NODE_TYPE = { char: S_IFCHR, block: S_IFBLK, fifo: S_IFIFO } as const;

function makeNode(target: ApplyTarget, entry: TarEntry, at: EntryPath): void {
  const type = NODE_TYPE[entry.type as keyof typeof NODE_TYPE];
  const device = deviceNumber(entry.devMajor, entry.devMinor);
  const made = target.replace(at, (dir) => makeNodeAt(dir, at.base, type | 0o600, device));
  if (made === -EPERM && !target.privileged && type !== S_IFIFO) {
    target.leaveOut(at.path);
    return;
  }
  target.must(made, `a ${entry.type} device ${entry.devMajor}:${entry.devMinor}`);
  giveOwnerAndXattrsAt(target, entry, at);
  giveModeAndTimesAt(target, entry, at);
}

function giveAttributes(target: ApplyTarget, entry: TarEntry, fd: number): void {
  if (target.givesOwner(entry.uid, entry.gid)) target.must(changeOwner(fd, entry.uid, entry.gid), "its owner");
  if (entry.xattrs.size > 0) setXattrs(target, entry, fd);
  target.must(changeMode(fd, target.modeFor(entry)), "its mode");
}

function giveOwnerAndXattrsAt(target: ApplyTarget, entry: TarEntry, at: EntryPath): void {
  const dir = target.directoryOf(at);
  if (target.givesOwner(entry.uid, entry.gid)) {
    target.must(changeOwnerAt(dir, at.base, entry.uid, entry.gid), "its owner");
  }
  if (entry.xattrs.size > 0) setXattrsAt(target, entry, dir, at.base);
}

/** To what a symlink leads to inside the layer, as moby does where a hard link's text does not show that it is one. */
function giveModeAndTimesBehind(target: ApplyTarget, entry: TarEntry, at: EntryPath): void {
  const fd = target.must(target.jail.open(at.path, O_PATH), "what the symlink that it is a link to leads to");
  try {
    target.must(changeModeOfPathFd(fd, target.modeFor(entry)), "its mode");
    const { atime, mtime } = timesOf(entry);
    target.must(changeTimesOfPathFd(fd, atime, mtime), "its times");
  } finally {
    close(fd);
  }
}

/** Not for symlinks, which have no mode. */
function giveModeAndTimesAt(target: ApplyTarget, entry: TarEntry, at: EntryPath): void {
  const dir = target.directoryOf(at);
  target.must(changeModeAt(dir, at.base, target.modeFor(entry)), "its mode");
  const { atime, mtime } = timesOf(entry);
  target.must(changeTimesAt(dir, at.base, atime, mtime), "its times");
}

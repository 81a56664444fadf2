/**
 * One object of a layer given back what its header said: owner, mode, times, attributes, or itself where
 * it held no bytes.
 */
import { constants } from "node:fs";
import { layerIds } from "../driver/layer-ids.js";
import { entryPath } from "../layer/apply-path.js";
import { Jail } from "../layer/jail.js";
import { type ByteString, displayName } from "../model/bytes.js";
import {
  close,
  deviceNumber,
  makeDirectoryAt,
  makeNodeAt,
  makeSymlinkAt,
  openAt,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  unlinkAt,
} from "../sys/at.js";
import { AS_IT_IS, changeModeAt, changeOwnerAt, changeTimesAt, type Time } from "../sys/attributes.js";
import { EEXIST, ENOENT, must } from "../sys/errno.js";
import { ROOTS_MARK, USERS_MARK, YES } from "../sys/opaque.js";
import { bitsToReadBack } from "../sys/privilege.js";
import { readLinkAt } from "../sys/read-names.js";
import { isSymlink, statAt } from "../sys/stat.js";
import { listXattrsAt, procLink, removeXattr, setXattrAt } from "../sys/xattr.js";
import { KERNELS_OWN } from "./checks/tampering.js";
import type { LayerNode } from "./layer-headers.js";

/** @param dir the layer's content directory; the entry's own directory is walked to without leaving it */
export function mendEntry(dir: string, name: ByteString, node: LayerNode): void {
  using jail = new Jail(dir);
  const what = `mend ${dir}/${displayName(name)}`;
  const { parent, base } = entryPath(name);
  const at = must(jail.directory(parent), what);
  if (statAt(at, base) === -ENOENT || targetDiffers(at, base, node)) make(at, base, node, what);
  if (node.whiteout) return;
  const ids = layerIds(dir);
  if (ids !== null) must(changeOwnerAt(at, base, node.uid + ids.uid, node.gid + ids.gid), what);
  mendXattrs(at, base, node, { mark: ids === null ? USERS_MARK : ROOTS_MARK, what });
  // An ordinary user must be able to read it back.
  const needed = ids !== null ? 0 : bitsToReadBack(node.type);
  if (node.type !== "symlink") must(changeModeAt(at, base, node.mode | needed), what);
  const mtime: Time = node.mtime ?? AS_IT_IS;
  must(changeTimesAt(at, base, AS_IT_IS, mtime), what);
}

function targetDiffers(at: number, base: ByteString, { type, target }: LayerNode): boolean {
  if (type !== "symlink") return false;
  const stat = statAt(at, base);
  if (typeof stat === "number" || !isSymlink(stat) || readLinkAt(at, base) === target) return false;
  unlinkAt(at, base);
  return true;
}

function make(at: number, base: ByteString, { type, target, device, size }: LayerNode, what: string): void {
  const [major = 0, minor = 0] = device.split(":").map(Number);
  switch (type) {
    case "directory":
      must(makeDirectoryAt(at, base, 0o700), what);
      return;
    case "symlink":
      must(makeSymlinkAt(target, at, base), what);
      return;
    case "file": {
      // Bytes cannot be made of a header: those come from a source.
      if (size > 0) return;
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      const fd = openAt(at, base, flags, 0o600);
      if (fd !== -EEXIST) close(must(fd, what));
      return;
    }
    case "char":
    case "block":
    case "fifo": {
      const kind = { char: S_IFCHR, block: S_IFBLK, fifo: S_IFIFO }[type];
      must(makeNodeAt(at, base, kind, deviceNumber(major, minor)), what);
    }
  }
}

function mendXattrs(
  at: number,
  base: ByteString,
  node: LayerNode,
  { mark, what }: { readonly mark: ByteString; readonly what: string },
): void {
  const path = `${procLink(at)}/${base}` as ByteString;
  const listed = listXattrsAt(at, base);
  for (const name of typeof listed === "number" ? [] : listed) {
    const wanted = node.xattrs.has(name) || (name === mark && node.opaque);
    if (!wanted && !KERNELS_OWN.test(name)) must(removeXattr(path, name), what);
  }
  for (const [name, value] of node.xattrs) setXattrAt(at, base, name, value);
  if (node.opaque) must(setXattrAt(at, base, mark, YES), what);
}

/**
 * First stage of a commit: the directory of a container's own layer in, the tar that dockerd's commit makes of it
 * out, byte for byte. That is moby 20.10.24's pkg/archive, TarWithOptions with OverlayWhiteoutFormat: directories
 * before what is in them, names in byte order, times in whole seconds, owners also by the names that this machine has
 * for them, of extended attributes only file capabilities, later names of one inode as hard links to the first, `.wh.`
 * files for whiteouts and opaque directories, no sockets.
 */
import { constants, readSync } from "node:fs";
import type { ByteSource } from "../blob/byte-source.js";
import { ByteLimit } from "../blob/limit.js";
import { asOvlError, OvlError, osError } from "../errors.js";
import { type ByteString, byteStringOf, displayName } from "../model/bytes.js";
import { groupNames, userNames } from "../sys/accounts.js";
import {
  AT_FDCWD,
  close,
  O_PATH,
  openAt,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../sys/at.js";
import { CAPABILITY, portableCapabilityAt } from "../sys/capability.js";
import { errnoName } from "../sys/errno.js";
import { isYes, ROOTS_MARK, USERS_MARK } from "../sys/opaque.js";
import { namesAt, openQuietlyAt, readLinkAt } from "../sys/read-names.js";
import { type Stat, statAt } from "../sys/stat.js";
import { getXattrAt } from "../sys/xattr.js";
import { type GoEntry, goHeader } from "../tar/go-header.js";
import { OPAQUE, WHITEOUT } from "../tar/whiteout.js";
import { END_OF_ARCHIVE, padding, type WritableType } from "../tar/writer.js";
import type { Given, PackJob } from "./job.js";
import { counted, limited } from "./passing.js";
import { Ring } from "./ring.js";

/** Throws what the system refuses; IO where a file becomes shorter meanwhile. */
export function packed<T>(job: PackJob, consume: (tar: ByteSource) => T): Given<T> {
  const bytes = tarOfLayer(job.directory, job.userXattrs);
  const tar: ByteSource = { read: () => bytes.next().value ?? null };
  try {
    const limit = new ByteLimit(job.maxBytes, job.directory);
    return { outcome: { damages: [] }, taken: consume(limited(counted(tar, new Ring(job.ring)), limit)) };
  } finally {
    bytes.return(undefined);
  }
}

/** The bytes, in pieces that are valid until the next. */
function* tarOfLayer(directory: string, userXattrs: boolean): Generator<Uint8Array, undefined, undefined> {
  const packer = new Packer(directory, userXattrs);
  const fd = packer.must(openAt(AT_FDCWD, byteStringOf(directory), DIRECTORY), "open", "" as ByteString);
  yield* packer.directory(fd, "" as ByteString);
  yield END_OF_ARCHIVE;
}

const DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const CHUNK_BYTES = 256 * 1024;
const PERMISSIONS = 0o777;
const WHITEOUT_MODE = 0o600;

const TYPES: ReadonlyMap<number, WritableType> = new Map([
  [S_IFREG, "file"],
  [S_IFDIR, "directory"],
  [S_IFLNK, "symlink"],
  [S_IFCHR, "char"],
  [S_IFBLK, "block"],
  [S_IFIFO, "fifo"],
]);

class Packer {
  readonly #root: string;
  readonly #opaque: ByteString;
  /** The first name of every inode that has several, whiteouts included: the kernel makes them links of one. */
  readonly #first = new Map<string, ByteString>();
  readonly #users = userNames();
  readonly #groups = groupNames();
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);

  constructor(root: string, userXattrs: boolean) {
    this.#root = root;
    this.#opaque = userXattrs ? USERS_MARK : ROOTS_MARK;
  }

  /** What is in a directory. Closes `fd`. */
  *directory(fd: number, path: ByteString): Generator<Uint8Array, void, undefined> {
    try {
      const names = namesAt(fd);
      if (typeof names === "number") throw this.#failure(names, "list", path);
      for (const name of names.sort()) {
        const stat = statAt(fd, name);
        const inner = (path === "" ? name : `${path}/${name}`) as ByteString;
        if (typeof stat === "number") throw this.#failure(stat, "look at", inner);
        const type = TYPES.get(stat.mode & S_IFMT);
        // No tar can say what a socket is.
        if (type !== undefined) yield* this.#object({ dir: fd, name, path: inner, type, stat });
      }
    } finally {
      close(fd);
    }
  }

  must(result: number, doing: string, path: ByteString): number {
    if (result < 0) throw this.#failure(result, doing, path);
    return result;
  }

  #failure(result: number, doing: string, path: ByteString): OvlError {
    const shown = `${this.#root}/${displayName(path)}`;
    return osError(errnoName(-result), `${doing} ${shown}`, { path: shown });
  }

  *#object(found: Found): Generator<Uint8Array, void, undefined> {
    const { dir, name, path, type, stat } = found;
    const first = this.#firstName(found);
    if (type === "char" && stat.rdevMajor === 0 && stat.rdevMinor === 0) return yield this.#whiteout(found, first);
    const size = type === "file" && first === null ? stat.size : 0;
    const capability = type === "symlink" ? null : portableCapabilityAt(dir, name);
    yield goHeader({
      ...this.#owner(stat),
      name: (type === "directory" ? `${path}/` : path) as ByteString,
      type: first === null ? type : "hardlink",
      linkName: first ?? (type === "symlink" ? this.#target(found) : ("" as ByteString)),
      mode: stat.mode,
      size,
      mtime: { sec: stat.mtime.sec, nsec: 0 },
      devMajor: stat.rdevMajor,
      devMinor: stat.rdevMinor,
      ...(capability === null ? {} : { xattrs: new Map([[CAPABILITY, capability]]) }),
    });
    if (type === "directory") {
      if (this.#isOpaque(found)) yield this.#opaqueMarker(found);
      yield* this.directory(this.must(openAt(dir, name, DIRECTORY), "open", path), path);
    } else if (size > 0) {
      yield* this.#content(found);
      yield padding(size);
    }
  }

  #firstName({ type, stat, path }: Found): ByteString | null {
    if (type === "directory" || stat.nlink < 2) return null;
    const first = this.#first.get(stat.identity);
    if (first === undefined) this.#first.set(stat.identity, path);
    return first ?? null;
  }

  #isOpaque({ dir, name }: Found): boolean {
    return isYes(getXattrAt(dir, name, this.#opaque));
  }

  #target({ dir, name, path }: Found): ByteString {
    const target = readLinkAt(dir, name);
    if (typeof target === "number") throw this.#failure(target, "read the symlink", path);
    return target;
  }

  /** As many bytes as the header says: a file may grow or shrink while it is read. */
  *#content({ dir, name, path, stat }: Found): Generator<Uint8Array, void, undefined> {
    const fd = this.must(openQuietlyAt(dir, name, constants.O_RDONLY), "read", path);
    try {
      for (let rest = stat.size; rest > 0; ) {
        const length = this.#read(fd, Math.min(rest, CHUNK_BYTES));
        if (length === 0) throw this.#shorter(path, rest);
        rest -= length;
        yield this.#chunk.subarray(0, length);
      }
    } finally {
      close(fd);
    }
  }

  #read(fd: number, length: number): number {
    try {
      return readSync(fd, this.#chunk, 0, length, null);
    } catch (error) {
      throw asOvlError(error);
    }
  }

  #shorter(path: ByteString, bytes: number): OvlError {
    const shown = `${this.#root}/${displayName(path)}`;
    const message = `${shown} became ${bytes} bytes shorter while it was read; stop the container, or what else writes to it`;
    return new OvlError("IO", message, { path: shown });
  }

  /** docker makes the header of a hard link first, and forgets the link's name in it when it makes the whiteout's. */
  #whiteout({ name, path, stat }: Found, first: ByteString | null): Uint8Array {
    const renamed = `${path.slice(0, path.length - name.length)}${WHITEOUT}${name}` as ByteString;
    const mtime = { sec: stat.mtime.sec, nsec: 0 };
    const linkName = first === null ? {} : { linkName: first };
    return goHeader({ ...this.#owner(stat), name: renamed, type: "file", mode: WHITEOUT_MODE, mtime, ...linkName });
  }

  /** Without a time: so docker leaves it. */
  #opaqueMarker({ path, stat }: Found): Uint8Array {
    const name = `${path}/${OPAQUE}` as ByteString;
    return goHeader({ ...this.#owner(stat), name, type: "file", mode: stat.mode & PERMISSIONS });
  }

  #owner({ uid, gid }: Stat): Pick<GoEntry, "uid" | "gid" | "userName" | "groupName"> {
    const [userName, groupName] = [this.#users.get(uid), this.#groups.get(gid)];
    return {
      uid,
      gid,
      ...(userName === undefined ? {} : { userName }),
      ...(groupName === undefined ? {} : { groupName }),
    };
  }
}

/** An object by its name in an open directory. */
interface Found {
  readonly dir: number;
  readonly name: ByteString;
  /** From the layer's root, without leading slash. */
  readonly path: ByteString;
  readonly type: WritableType;
  readonly stat: Stat;
}

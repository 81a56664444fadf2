/** What a container has written: the files and whiteouts of its own layer, and its logs. */
import { constants } from "node:fs";
import { join } from "node:path";
import { OvlError } from "../errors.js";
import { type ByteString, byteStringOf } from "../model/bytes.js";
import type { CacheId } from "../model/digest.js";
import { nameText } from "../rootfs/describe.js";
import { openSingleLayer } from "../rootfs/open.js";
import { walk } from "../rootfs/walk.js";
import type { Store } from "../store/store.js";
import { AT_FDCWD, close, O_PATH, openAt, S_IFMT, S_IFREG } from "../sys/at.js";
import type { Time } from "../sys/attributes.js";
import { namesAt } from "../sys/read-names.js";
import { statAt } from "../sys/stat.js";
import type { FileFact } from "./timeline-event.js";

export interface Writer {
  readonly id: string;
  readonly label: string;
  /** null where the root does not say which directory is its own. */
  readonly mountId: CacheId | null;
}

/** Depth first. What cannot be read is told to `warn`, and the rest follows as far as it can be. */
export function* filesOf(store: Store, writer: Writer, warn: (message: string) => void): Generator<FileFact> {
  const { id, label, mountId } = writer;
  if (mountId === null) {
    warn(`container ${id} has no read-write layer that the root knows of: its files are left out`);
    return;
  }
  const dir = store.driver.contentDir(mountId);
  try {
    using union = openSingleLayer(store, { index: 0, kind: "read-write", chainId: null, cacheId: mountId, dir });
    // The directories on the way down, by their depth.
    const times: Time[] = [union.rootEntry.stat.mtime];
    for (const { path, entry, directory } of walk(union.root)) {
      const depth = path.split("/").length;
      const directoryTime = times[depth - 1] ?? entry.stat.mtime;
      times[depth] = entry.stat.mtime;
      yield {
        container: id,
        label,
        path: nameText(`/${path}` as ByteString),
        kind: entry.type === "whiteout" ? "deleted" : "file",
        type: entry.type,
        stat: entry.stat,
        directoryTime,
        opaque: entry.type === "directory" && directory.marks(entry).opaque,
      };
    }
  } catch (thrown) {
    if (!(thrown instanceof OvlError) || thrown.code === "INTERNAL") throw thrown;
    warn(`container ${id}: not all of its files are here: ${thrown.message}`);
  }
}

/** Of the drivers json-file and local, rotated ones too. */
export function* logsOf(store: Store, { id, label }: Writer): Generator<FileFact> {
  const dir = join(store.root, "containers", id);
  yield* filesIn(dir, (name) => name.startsWith(`${id}-json.log`), id, label);
  yield* filesIn(join(dir, "local-logs"), () => true, id, label);
}

function* filesIn(dir: string, wanted: (name: string) => boolean, id: string, label: string): Generator<FileFact> {
  const flags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  const fd = openAt(AT_FDCWD, byteStringOf(dir), flags);
  if (fd < 0) return;
  try {
    const names = namesAt(fd);
    if (typeof names === "number") return;
    for (const name of names.filter(wanted).sort()) {
      const stat = statAt(fd, name);
      if (typeof stat === "number" || (stat.mode & S_IFMT) !== S_IFREG) continue;
      const path = join(dir, nameText(name));
      yield {
        container: id,
        label,
        path,
        kind: "log",
        type: "file",
        stat,
        directoryTime: stat.mtime,
        opaque: false,
      };
    }
  } finally {
    close(fd);
  }
}

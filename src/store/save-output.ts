/** Where a saved archive goes: a file that gets its name once it is complete, or a pipe. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { isatty } from "node:tty";
import type { FileSink } from "../blob/file-sink.js";
import { asOvlError, errnoOf, OvlError } from "../errors.js";
import { throwIfAborted } from "../layer/abort.js";
import { workspace } from "../sys/workspace.js";

export interface ArchiveOutput extends FileSink, Disposable {
  /** Absolute; `-` for standard output. */
  readonly path: string;
  /** Whether it can be written at any position; it is empty then. */
  readonly isSeekable: boolean;
  /** Directory with room for temporary copies. */
  readonly workspace: string;
  /** Gives the archive its name. Not synced: like cp and docker save, it leaves that to whoever needs it. */
  commit(): void;
}

const STDOUT = 1;

/**
 * @param path of the archive; `-`: standard output
 * Throws USAGE for a terminal and a directory, NOT_FOUND where the file's directory is missing.
 */
export async function openOutput(path: string, signal?: AbortSignal): Promise<ArchiveOutput> {
  if (path === "-") return standardOutput();
  const file = targetOf(path);
  const there = statOf(file);
  if (there?.isDirectory()) {
    throw new OvlError("USAGE", `${file} is a directory; name a file in it, or use --format oci`, { path: file });
  }
  try {
    if (there === null || there.isFile()) return fileOutput(file);
    const fd = await openStream(file, signal);
    return streamOutput({ path: file, file, fd }, () => closeSync(fd));
  } catch (error) {
    throw asOvlError(error);
  }
}

function standardOutput(): ArchiveOutput {
  const named = { path: "-", file: "standard output" };
  if (isatty(STDOUT)) {
    throw new OvlError("USAGE", "will not write an archive to a terminal; redirect standard output, or use -o FILE");
  }
  if (!fstatSync(STDOUT).isFIFO()) return streamOutput({ ...named, fd: STDOUT }, () => {});
  // Opened anew: that it does not block must not be seen by others who have the same pipe.
  const fd = openSync(`/proc/self/fd/${STDOUT}`, NONBLOCKING);
  return streamOutput({ ...named, fd }, () => closeSync(fd));
}

const NONBLOCKING = constants.O_WRONLY | constants.O_NONBLOCK;
/** Milliseconds between two tries to open a FIFO that nobody reads yet. */
const RETRY_MS = 20;

async function openStream(file: string, signal: AbortSignal | undefined): Promise<number> {
  for (;;) {
    try {
      return openSync(file, NONBLOCKING);
    } catch (error) {
      if (errnoOf(error) !== "ENXIO") throw error;
      throwIfAborted(signal);
      await setTimeout(RETRY_MS);
    }
  }
}

/** Files without a name, that are gone when this is disposed, or the process ends. */
export class TemporaryFiles implements Disposable {
  readonly #directory: string;
  readonly #fds: number[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  open(): FileSink {
    const path = join(this.#directory, temporaryName("blob"));
    try {
      const fd = openSync(path, "wx+", 0o600);
      this.#fds.push(fd);
      unlinkSync(path);
      return { fd, file: `a temporary file in ${this.#directory}` };
    } catch (error) {
      throw asOvlError(error);
    }
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds.splice(0)) closeSync(fd);
  }
}

/** Hidden, and recognisable for those who find it after a crash. */
export function temporaryName(name: string): string {
  return `.${name}.ovl-${randomBytes(6).toString("hex")}`;
}

export function isTemporaryName(name: string): boolean {
  return /^\..*\.ovl-[0-9a-f]{12}$/s.test(name);
}

/** The path itself where it is a symlink: what it leads to is replaced, not the link. Its directory must be there. */
export function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw asOvlError(error);
  }
  const absolute = resolve(path);
  const directory = dirname(absolute);
  if (statOf(directory)?.isDirectory()) return absolute;
  throw new OvlError("NOT_FOUND", `cannot write ${absolute}: there is no directory ${directory}`, { path: directory });
}

export function statOf(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    throw asOvlError(error);
  }
}

function fileOutput(file: string): ArchiveOutput {
  const workspace = dirname(file);
  const temporary = join(workspace, temporaryName(basename(file)));
  const fd = openSync(temporary, "wx", 0o666);
  let isOpen = true;
  return {
    path: file,
    file,
    fd,
    isSeekable: true,
    workspace,
    commit() {
      try {
        renameSync(temporary, file);
      } catch (error) {
        throw asOvlError(error);
      }
      isOpen = false;
      closeSync(fd);
    },
    [Symbol.dispose]() {
      if (!isOpen) return;
      isOpen = false;
      closeSync(fd);
      rmSync(temporary, { force: true });
    },
  };
}

function streamOutput(sink: FileSink & { readonly path: string }, close: () => void): ArchiveOutput {
  return { ...sink, isSeekable: false, workspace: workspace(), commit() {}, [Symbol.dispose]: close };
}

/**
 * Who may write to a root. Two locks, both flock(2), which end with the process that holds them:
 * ours is on the root directory itself, so that it leaves no file behind; the other is dockerd's own, on
 * `volumes/metadata.db`, held as long as ovl writes so that no dockerd starts on a root in motion.
 */
import { closeSync, constants, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { asOvlError, errnoOf, OvlError } from "../errors.js";
import { throwIfAborted } from "../layer/abort.js";
import { tryLock } from "../sys/lock.js";

/** Milliseconds between two looks at a lock that somebody else has. */
const POLL = 20;
/** Milliseconds that a lock must be held for before it counts: readers take it shared, to look, and give it back. */
const MOMENT = 100;
const DEFAULT_TIMEOUT_SECONDS = 60;

export interface LockOptions {
  /** Write although a live dockerd holds the root. */
  readonly force: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface RootLock extends Disposable {
  /** Whether a live dockerd works on the root all the same: only under `force`. */
  readonly daemonRuns: boolean;
}

/** Locks a root for writing. Throws LOCKED, DAEMON_RUNNING; INTERRUPTED or TERMINATED where a signal ends the wait. */
export async function lockRoot(root: string, options: LockOptions): Promise<RootLock> {
  const own = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  let daemon: number | null = null;
  let isHeld: boolean;
  try {
    const seconds = timeoutSeconds();
    if (!(await acquire(own, root, seconds * 1000, options.signal))) throw locked(root, seconds);
    daemon = openDaemonLock(root);
    isHeld = daemon !== null && !(await acquire(daemon, daemonLock(root), 0, options.signal));
    if (isHeld && !options.force) throw daemonRunning(root);
  } catch (thrown) {
    if (daemon !== null) closeSync(daemon);
    closeSync(own);
    throwIfAborted(options.signal);
    throw asOvlError(thrown);
  }
  const held = [daemon, own];
  return {
    daemonRuns: isHeld,
    [Symbol.dispose]() {
      for (const fd of held.splice(0)) if (fd !== null) closeSync(fd);
    },
  };
}

/** Whether a live dockerd works on this root. For who has no lock on it. */
export function daemonRuns(root: string): boolean {
  const fd = openDaemonLock(root);
  if (fd === null) return false;
  try {
    // Shared, so that two readers who ask at once do not take each other for a daemon.
    if (tryLock(fd, "shared", `lock ${daemonLock(root)}`)) return false;
  } finally {
    closeSync(fd);
  }
  // An ovl that writes has both locks; one that was made to beside a daemon has the root's only.
  if (!writerRuns(root)) return true;
  const holder = holderOf(daemonLock(root));
  return holder !== null && holder !== holderOf(root);
}

/** Whether an ovl has this root locked for writing. Nobody waits for the answer, a writer for a moment at most. */
export function writerRuns(root: string): boolean {
  let fd: number;
  try {
    fd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    // No directory, no lock.
    return false;
  }
  try {
    return !tryLock(fd, "shared", `lock ${root}`);
  } finally {
    closeSync(fd);
  }
}

/** Takes the lock within so many milliseconds, or says that somebody else keeps it. Throws where it is called off. */
async function acquire(
  fd: number,
  path: string,
  milliseconds: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const deadline = performance.now() + Math.max(milliseconds, MOMENT);
  while (!tryLock(fd, "exclusive", `lock ${path}`)) {
    if (performance.now() >= deadline) return false;
    await sleep(POLL, undefined, signal === undefined ? {} : { signal });
  }
  return true;
}

function locked(root: string, seconds: number): OvlError {
  const pid = holderOf(root);
  const who = pid === null ? "another process" : `process ${pid}`;
  return new OvlError(
    "LOCKED",
    `${root} is locked by ${who}; waited ${seconds} s (OVL_LOCK_TIMEOUT sets how long)`,
    pid === null ? { root } : { root, pid },
  );
}

function timeoutSeconds(): number {
  const text = process.env["OVL_LOCK_TIMEOUT"];
  if (text === undefined || text === "") return DEFAULT_TIMEOUT_SECONDS;
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds;
  throw new OvlError("USAGE", `OVL_LOCK_TIMEOUT is ${JSON.stringify(text)}; expected a number of seconds`);
}

/** The file that a live dockerd keeps locked. */
function daemonLock(root: string): string {
  return join(root, "volumes", "metadata.db");
}

function openDaemonLock(root: string): number | null {
  try {
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
    return openSync(daemonLock(root), flags);
  } catch (thrown) {
    // A user who may not open it cannot tell; what that user may write, dockerd does not read.
    if (["ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENXIO"].includes(errnoOf(thrown))) return null;
    throw asOvlError(thrown);
  }
}

function daemonRunning(root: string): OvlError {
  const pid = holderOf(daemonLock(root));
  const who = pid === null ? "a live dockerd" : `a live dockerd (process ${pid})`;
  return new OvlError(
    "DAEMON_RUNNING",
    `${root} is held by ${who}, which would not see what ovl writes and would overwrite it; stop it first (--force goes on all the same)`,
    pid === null ? { root } : { root, pid },
  );
}

/**
 * The process that has a file locked for itself, where /proc/locks shows it (`1: FLOCK ADVISORY WRITE
 * pid maj:min:ino 0 EOF`).
 */
function holderOf(path: string): number | null {
  try {
    const { ino } = statSync(path);
    for (const line of readFileSync("/proc/locks", "utf8").split("\n")) {
      const [, kind, , access, pid, file] = line.split(/\s+/);
      // Device numbers there are of the superblock, which stat does not show on every filesystem; the inode has to do.
      if (kind === "FLOCK" && access === "WRITE" && file?.endsWith(`:${ino}`) && Number(pid) > 0) return Number(pid);
    }
  } catch {
    // No answer is an answer: the message does without.
  }
  return null;
}

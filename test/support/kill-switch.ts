/**
 * Kills the process that it is loaded into before the n-th change to a filesystem, and counts those changes:
 * `OVL_KILL_AT=n OVL_STEPS=FILE node --import kill-switch.js …`. A change is a call that changes something on disk, or
 * makes it durable: by `node:fs` or by the C library, in the main thread or in a worker, which share one count. The
 * calls themselves are the kernel's, so what is there afterwards is what kill -9 leaves between two system calls.
 */
import fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { getEnvironmentData, isMainThread, setEnvironmentData } from "node:worker_threads";

type Call = (...args: readonly unknown[]) => unknown;
/** Whether a call with these arguments changes anything. */
type Changes = (...args: readonly unknown[]) => boolean;

const KEY = "ovl-kill-switch";
if (isMainThread) setEnvironmentData(KEY, new SharedArrayBuffer(4) as never);
const count = new Int32Array(getEnvironmentData(KEY) as unknown as SharedArrayBuffer);
const fatal = Number(process.env["OVL_KILL_AT"] ?? 0);

function step(): void {
  if (Atomics.add(count, 0, 1) + 1 !== fatal) return;
  process.kill(process.pid, "SIGKILL");
  // Until the signal has come: nothing more happens in this thread.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function counted(call: Call, changes: Changes): Call {
  return function (this: unknown, ...args: readonly unknown[]) {
    if (changes(...args)) step();
    return call.apply(this, args as unknown[]);
  };
}

const always: Changes = () => true;
const { O_CREAT, O_TRUNC } = fs.constants;
const creates = (flags: unknown) => (typeof flags === "number" ? (flags & (O_CREAT | O_TRUNC)) !== 0 : flags !== "r");
/** What is printed is no change. */
const toFile: Changes = (fd) => Number(fd) > 2;

const FS: Readonly<Record<string, Changes>> = {
  openSync: (_path, flags) => creates(flags ?? "r"),
  writeSync: toFile,
  fsyncSync: always,
  fdatasyncSync: always,
  ftruncateSync: always,
  fchmodSync: always,
  chmodSync: always,
  mkdirSync: always,
  renameSync: always,
  // Removing what is not there, as `force` allows, changes nothing.
  rmSync: (path) => fs.lstatSync(path as string, { throwIfNoEntry: false }) !== undefined,
  rmdirSync: always,
  unlinkSync: always,
  symlinkSync: always,
  linkSync: always,
  copyFileSync: always,
  utimesSync: always,
};

const LIBC: Readonly<Record<string, Changes>> = {
  openat: (_dir, _path, flags) => creates(flags),
  write: toFile,
  ...Object.fromEntries(
    ["mkdirat", "symlinkat", "linkat", "unlinkat", "renameat", "fchown", "fchownat", "fchmod", "fchmodat"]
      .concat(["futimens", "utimensat", "fsetxattr", "setxattr", "lsetxattr", "lremovexattr"])
      .concat(["fsync", "syncfs", "mount", "umount2"])
      .map((name) => [name, always]),
  ),
};

/** By number on x64 and arm64: openat2, whose flags are the first 8 bytes of its third argument, and mknodat. */
const SYSCALLS: ReadonlyMap<unknown, Changes> = new Map([
  [437, (_number: unknown, _dir: unknown, _path: unknown, how: unknown) => creates(firstInteger(how))],
  [process.arch === "x64" ? 259 : 33, always],
]);

function firstInteger(struct: unknown): number {
  const { buffer, byteOffset } = struct as Uint8Array;
  return new DataView(buffer, byteOffset).getUint32(0, true);
}

for (const [name, changes] of Object.entries(FS)) {
  const functions = fs as unknown as Record<string, Call>;
  functions[name] = counted(functions[name] as Call, changes);
}
syncBuiltinESMExports();

const koffi = createRequire(import.meta.url)("koffi") as { load: (path: string | null) => { func: Call } };
const load = koffi.load;
koffi.load = (path) => {
  const library = load(path);
  const func = library.func.bind(library);
  return {
    func: (...signature) => {
      const name = signature[0] as string;
      const call = func(...signature) as Call;
      if (name === "syscall") return counted(call, (...args) => SYSCALLS.get(args[0])?.(...args) ?? false);
      const changes = LIBC[name];
      return changes === undefined ? call : counted(call, changes);
    },
  };
};

const steps = process.env["OVL_STEPS"];
const write = fs.writeFileSync;
if (isMainThread && steps !== undefined) process.on("exit", () => write(steps, String(Atomics.load(count, 0))));

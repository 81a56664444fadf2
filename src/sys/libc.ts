/**
 * The C library of the running process. The only place that knows how it is called; the other files of this
 * folder give its functions names, types and units.
 *
 * A call costs 0.15 to 0.3 us more than the system call itself, less than the same call of `node:fs`.
 */
import { OvlError } from "../errors.js";
import { koffi } from "./native.js";

/** A C function whose result is negative on failure, with errno set. */
export type CFunction = (...args: readonly (number | Uint8Array | Int32Array | BigUint64Array | null)[]) => number;

type Signature = readonly [result: string, parameters: readonly string[]];

/** Parameters that are pointers take typed arrays, those over shared memory too; nothing is copied. */
const FUNCTIONS = {
  openat: ["int", ["int", "void *", "int", "uint"]],
  close: ["int", ["int"]],
  read: ["intptr_t", ["int", "void *", "size_t"]],
  write: ["intptr_t", ["int", "void *", "size_t"]],
  mkdirat: ["int", ["int", "void *", "uint"]],
  symlinkat: ["int", ["void *", "int", "void *"]],
  linkat: ["int", ["int", "void *", "int", "void *", "int"]],
  unlinkat: ["int", ["int", "void *", "int"]],
  renameat: ["int", ["int", "void *", "int", "void *"]],
  lseek: ["int64_t", ["int", "int64_t", "int"]],
  readlinkat: ["intptr_t", ["int", "void *", "void *", "size_t"]],
  fchown: ["int", ["int", "uint", "uint"]],
  fchownat: ["int", ["int", "void *", "uint", "uint", "int"]],
  fchmod: ["int", ["int", "uint"]],
  fchmodat: ["int", ["int", "void *", "uint", "int"]],
  futimens: ["int", ["int", "void *"]],
  utimensat: ["int", ["int", "void *", "void *", "int"]],
  fsetxattr: ["int", ["int", "void *", "void *", "size_t", "int"]],
  setxattr: ["int", ["void *", "void *", "void *", "size_t", "int"]],
  lsetxattr: ["int", ["void *", "void *", "void *", "size_t", "int"]],
  lgetxattr: ["intptr_t", ["void *", "void *", "void *", "size_t"]],
  llistxattr: ["intptr_t", ["void *", "void *", "size_t"]],
  lremovexattr: ["int", ["void *", "void *"]],
  flock: ["int", ["int", "int"]],
  syncfs: ["int", ["int"]],
  poll: ["int", ["void *", "ulong", "int"]],
  mount: ["int", ["void *", "void *", "void *", "uintptr_t", "void *"]],
  umount2: ["int", ["void *", "int"]],
  unshare: ["int", ["int"]],
  chdir: ["int", ["void *"]],
} as const satisfies Record<string, Signature>;

/** Called by number: C libraries in the field lack a function of this name (glibc before 2.33, musl). */
const SYSCALLS = {
  openat2: ["int", "void *", "void *", "size_t"],
  statx: ["int", "void *", "int", "uint", "void *"],
  mknodat: ["int", "void *", "uint", "uint"],
  getdents64: ["int", "void *", "size_t"],
  ioctl: ["int", "size_t", "size_t"],
} as const satisfies Record<string, readonly string[]>;

type SyscallName = keyof typeof SYSCALLS;
type FunctionName = keyof typeof FUNCTIONS | SyscallName;

/** x64 has numbers of its own, arm64 the kernel's generic ones. */
const NUMBERS: Readonly<Record<string, Readonly<Record<SyscallName, number>>>> = {
  x64: { openat2: 437, statx: 332, mknodat: 259, getdents64: 217, ioctl: 16 },
  arm64: { openat2: 437, statx: 291, mknodat: 33, getdents64: 61, ioctl: 29 },
};

let loaded: Readonly<Record<FunctionName, CFunction>> | null = null;
let errnoOf: () => number = () => 0;

/** The functions as C has them. Their results go through `answer`. */
export function libc(): Readonly<Record<FunctionName, CFunction>> {
  loaded ??= load();
  return loaded;
}

/** What the kernel answered: the result of a C function, or `-errno` where it failed. */
export function answer(result: number): number {
  return result < 0 ? -errnoOf() : result;
}

function load(): Readonly<Record<FunctionName, CFunction>> {
  const numbers = NUMBERS[process.arch];
  if (process.platform !== "linux" || numbers === undefined) {
    throw new OvlError(
      "IO",
      `ovl makes system calls of Linux on x64 and arm64, not of ${process.platform} on ${process.arch}`,
    );
  }
  const self = koffi().load(null);
  errnoOf = koffi().errno;
  const functions: Partial<Record<FunctionName, CFunction>> = {};
  for (const [name, [result, parameters]] of Object.entries(FUNCTIONS)) {
    functions[name as FunctionName] = self.func(name, result, [...parameters]);
  }
  for (const [name, parameters] of Object.entries(SYSCALLS)) {
    // syscall(2) is variadic in C; both ABIs pass its integers as if it were not.
    const call: CFunction = self.func("syscall", "long", ["long", ...parameters]);
    functions[name as FunctionName] = call.bind(null, numbers[name as SyscallName]);
  }
  return functions as Record<FunctionName, CFunction>;
}

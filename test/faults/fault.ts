/** The functions of fault.c, preloaded into this process: see there. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import type * as Koffi from "koffi";
import { repoPath } from "../support/repo.js";

/** What calls do, as bits of fault.c. */
export const TAKES_SPACE = 1;
export const CHANGES = 2;
export const SYNCS = 4;
export const READS = 8;

export interface CallFault {
  /** A sum of the above. */
  readonly classes: number;
  readonly errno: number;
  /** One call fails; or it and all that come after it. */
  readonly mode: "once" | "on";
  /** With `on`: whether what was made can be removed again. */
  readonly cleans?: boolean;
}

const MODES = { once: 0, on: 1 } as const;

export interface Fault {
  /** The n-th call below a directory fails. */
  arm(under: string, fault: CallFault, nth: number): void;
  /** How many calls there were, and the first one that failed. */
  disarm(): { readonly calls: number; readonly first: string };
}

export function loadFault(): Fault {
  const self = (createRequire(import.meta.url)("koffi") as typeof Koffi).load(null);
  const arm = self.func("void fault_arm(const char *under, int classes, int number, long at, int mode)");
  const seen = self.func("long fault_seen()");
  const what = self.func("const char *fault_what()");
  return {
    arm: (under, { classes, errno, mode }, nth) => arm(under, classes, errno, nth, MODES[mode]),
    disarm() {
      const answer = { calls: seen() as number, first: what() as string };
      arm("/nowhere", 0, 0, 0, 0);
      return answer;
    },
  };
}

/** Builds the library that is to be preloaded. */
export function buildFault(path: string): void {
  const { status, stderr } = spawnSync("tcc", ["-nostdlib", "-shared", "-o", path, repoPath("test/faults/fault.c")]);
  if (status !== 0) throw new Error(`tcc: ${stderr}`);
}

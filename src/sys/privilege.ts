/** What this process may do with files that are not its own. */
import { readFileSync } from "node:fs";

/** Whether it runs as root of the machine, and not of a user namespace, whose root gives no file a foreign owner. */
export function isMachineRoot(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    // user_namespaces(7), uid_map: the first namespace maps all ids to themselves.
    return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "latin1"));
  } catch {
    return true;
  }
}

const CAP_SYS_ADMIN = 21;

/**
 * capabilities(7) that files of layers ask for: foreign owners, ids on files, devices, trusted.* and file capabilities.
 */
const LAYER_CAPABILITIES = [
  0, // CAP_CHOWN
  1, // CAP_DAC_OVERRIDE
  3, // CAP_FOWNER
  4, // CAP_FSETID
  CAP_SYS_ADMIN,
  27, // CAP_MKNOD
  31, // CAP_SETFCAP
];

/** Whether everything in a layer can be made as it is: uid 0 in a container has often lost some of what that takes. */
export function canMakeLayers(): boolean {
  return isMachineRoot() && hasCapabilities(LAYER_CAPABILITIES);
}

/** Mode bits without which an ordinary user could not read back what is that user's own. */
export function bitsToReadBack(type: string): number {
  return type === "directory" ? 0o700 : 0o400;
}

/** Whether it can see and set `trusted.*`: without that, root's marks on directories are as good as not there. */
export function seesTrusted(): boolean {
  return isMachineRoot() && hasCapabilities([CAP_SYS_ADMIN]);
}

function hasCapabilities(wanted: readonly number[]): boolean {
  const effective = /^CapEff:\s+([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  const mask = BigInt(`0x${effective}`);
  return wanted.every((capability) => ((mask >> BigInt(capability)) & 1n) === 1n);
}

/** What was registered step by step, taken back because a later step failed. */
import { OvlError } from "../errors.js";

/**
 * The last first. A step that fails hides neither the others nor the failure that is the reason for all this: what is
 * left then, fsck has a name for.
 */
export function takeBack(steps: readonly (() => void)[]): void {
  for (const step of steps.toReversed()) {
    try {
      step();
    } catch (thrown) {
      if (!(thrown instanceof OvlError) && !(thrown instanceof Error && "syscall" in thrown)) throw thrown;
    }
  }
}

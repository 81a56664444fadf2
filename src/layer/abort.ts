/** What a signal that ends the work is turned into. */
import { OvlError } from "../errors.js";

/** INTERRUPTED or TERMINATED, as the signal's reason says. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw signal.reason instanceof OvlError ? signal.reason : new OvlError("INTERRUPTED", "interrupted");
}

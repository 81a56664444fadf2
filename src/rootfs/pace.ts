/** Long work on the main thread stops now and then, so that signals are answered. */
import { setImmediate } from "node:timers/promises";

/** Milliseconds between two stops: far below what a person notices, far above what a stop costs (some 10 us). */
const STRIDE_MS = 50;

export class Pace {
  readonly #signal: AbortSignal | undefined;
  #last = performance.now();

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.throwIfAborted();
  }

  /** Cheap enough for every object and every chunk: `if (pace.isDue) await pace.rest()`. */
  get isDue(): boolean {
    return performance.now() - this.#last > STRIDE_MS;
  }

  /** Throws the signal's reason where it has been aborted. */
  async rest(): Promise<void> {
    await setImmediate();
    this.#signal?.throwIfAborted();
    this.#last = performance.now();
  }
}

/** Failures that may pass, and the pauses before another try. */
import { setTimeout as sleep } from "node:timers/promises";
import { OvlError } from "../../errors.js";
import type { Patience } from "./options.js";

/** Thrown for what may pass. Never leaves this directory. */
export class Transient extends Error {
  readonly failure: OvlError;
  /** Milliseconds that the server asked to be left alone for; null where it did not say. */
  readonly after: number | null;

  constructor(failure: OvlError, after: number | null = null) {
    super(failure.message);
    this.failure = failure;
    this.after = after;
  }
}

/** Pauses of one piece of work, which double, and end it when there were too many or the next one is too long. */
export class Pauses {
  readonly #patience: Patience;
  readonly #signal: AbortSignal | undefined;
  #tries = 0;
  #waited = 0;

  constructor(patience: Patience, signal: AbortSignal | undefined) {
    this.#patience = patience;
    this.#signal = signal;
  }

  /** Something came of the last try: the count starts again. */
  reset(): void {
    this.#tries = 0;
    this.#waited = 0;
  }

  /** Waits before the next try, or throws the failure where there is to be none. */
  async next({ failure, after }: Transient): Promise<void> {
    const { tries, pause, pauses } = this.#patience;
    this.#tries += 1;
    // Up to half more: clients that failed together must not come back together.
    const wait = after ?? pause * 2 ** (this.#tries - 1) * (1 + Math.random() / 2);
    this.#waited += wait;
    if (this.#tries >= tries || this.#waited > pauses) throw failure;
    await pausing(wait, this.#signal);
  }
}

/** Tries until something other than Transient comes of it. Throws the last failure. */
export async function withRetries<T>(
  patience: Patience,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  const pauses = new Pauses(patience, signal);
  for (;;) {
    try {
      return await attempt();
    } catch (thrown) {
      if (!(thrown instanceof Transient)) throw thrown;
      await pauses.next(thrown);
    }
  }
}

async function pausing(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch {
    throw stopped(signal);
  }
}

/** Why work was called off, as an error of ovl. */
export function stopped(signal: AbortSignal | undefined): OvlError {
  const reason: unknown = signal?.reason;
  return reason instanceof OvlError ? reason : new OvlError("INTERRUPTED", "interrupted");
}

/** `Retry-After` in milliseconds: seconds, or a date; null where there is none that can be understood. */
export function retryAfter(header: string | undefined, now = Date.now()): number | null {
  if (header === undefined) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

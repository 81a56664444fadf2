/**
 * SIGINT and SIGTERM as an AbortSignal: the work stops, cleans up behind itself, and the command exits 130 or 143. A
 * terminal that is closed (SIGHUP) is a SIGTERM to all that it has started.
 */
import { OvlError } from "../errors.js";

let shared: AbortSignal | null = null;

/**
 * The signal of this process. From the first call on these signals no longer end it at once; a second one does, for the
 * case that cleaning up hangs.
 */
export function interruption(): AbortSignal {
  shared ??= listen();
  return shared;
}

function listen(): AbortSignal {
  const controller = new AbortController();
  const on = (signal: "SIGINT" | "SIGTERM" | "SIGHUP", code: "INTERRUPTED" | "TERMINATED") => {
    const error = new OvlError(code, `stopped by ${signal}; what was under way has been undone`, { signal });
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(error.exit);
      controller.abort(error);
    });
  };
  on("SIGINT", "INTERRUPTED");
  on("SIGTERM", "TERMINATED");
  on("SIGHUP", "TERMINATED");
  return controller.signal;
}

/** The work, or the signal's reason as soon as it is aborted, for work that does not listen itself. */
export async function unlessInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

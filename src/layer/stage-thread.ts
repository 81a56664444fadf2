/** A worker thread for the stages of layers, one after another, and what becomes of it. */
import { Worker } from "node:worker_threads";
import { OvlError, osError } from "../errors.js";
import { requireDescriptors } from "../sys/descriptors.js";
import type { StageAnswer, StageJob } from "./job.js";

interface Waiting {
  readonly resolve: (answer: StageAnswer) => void;
  readonly cancel: () => void;
}

/**
 * Files that a thread has open at most: its own event loop, a blob, a tar-split, and the directories of an archive that
 * are held open. A thread that runs out of them while it loads its modules tells of a module that is not there, not of
 * the limit, so it is not started without them.
 */
const DESCRIPTORS = 32;

export class StageThread {
  readonly #others: number;
  #worker: Worker | null = null;
  #waiting: Waiting | null = null;
  #died = false;

  /** @param others threads of this kind that there are, and may open theirs yet */
  constructor(others: number) {
    this.#others = others;
  }

  /** Whether it can be given a job. */
  get isAlive(): boolean {
    return !this.#died;
  }

  /**
   * Never rejects: a thread that cannot be started, or dies, has given the answer that it is so.
   * @param cancel called then, so that nobody waits for what the thread would have done
   */
  answer(job: StageJob, cancel: () => void): Promise<StageAnswer> {
    return new Promise((resolve) => {
      this.#waiting = { resolve, cancel };
      try {
        this.#worker ??= this.#start();
        this.#worker.postMessage(job);
      } catch (thrown) {
        this.#die(thrown);
      }
    });
  }

  async end(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    requireDescriptors(DESCRIPTORS * (this.#others + 1), "start a thread for a layer");
    const worker = new Worker(new URL("../layer/stage-worker.js", import.meta.url), {
      // Stages allocate few short-lived objects; the default of 16 MiB semi-spaces in each of the threads
      // would be most of the process's memory.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    return worker
      .on("message", (answer: StageAnswer) => this.#settle(answer))
      .on("error", (error) => this.#die(error))
      .on("exit", (code) => this.#die(new Error(`a worker thread exited with ${code}`)));
  }

  #die(thrown: unknown): void {
    this.#died = true;
    this.#waiting?.cancel();
    this.#settle({ ok: false, aborted: false, error: deathOf(thrown).toData() });
  }

  #settle(answer: StageAnswer): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(answer);
  }
}

/** A thread has its own heap; where that is full, it is gone. */
function deathOf(thrown: unknown): OvlError {
  if (thrown instanceof OvlError) return thrown;
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (code === "ERR_WORKER_OUT_OF_MEMORY") return osError("ENOMEM", "hold what a layer needs in memory");
  // What keeps a thread from starting, such as EMFILE or EAGAIN, comes as text only.
  const errno = /(?:^|: )(E[A-Z0-9]+)(?::|$)/.exec(message)?.[1];
  return errno === undefined ? new OvlError("INTERNAL", message) : osError(errno, "start a thread for a layer");
}

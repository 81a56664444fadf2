/**
 * The threads that layers go through, two a layer: one reads, verifies and decompresses, the other hashes,
 * splits and applies. So one huge layer keeps two cores busy, and many small ones as many as `jobs` allows.
 */
import { Worker } from "node:worker_threads";
import pLimit from "p-limit";
import type { ByteStream, FileRange } from "../blob/byte-source.js";
import { MAX_LAYER_BYTES } from "../blob/limit.js";
import { OvlError, osError } from "../errors.js";
import { throwIfAborted } from "./abort.js";
import { Feed } from "./feed.js";
import type {
  AssembleJob,
  BlobClaim,
  FirstJob,
  FirstOutcome,
  LaneJob,
  LayerOutcome,
  PackJob,
  SecondJob,
  SecondOutcome,
  StageAnswer,
  StageJob,
} from "./job.js";
import { Ring } from "./ring.js";

export interface PipelineOptions {
  /** Layers at once. */
  readonly jobs: number;
  /** Bytes that a layer may unpack to; BAD_TAR past that. */
  readonly maxLayerBytes?: number | undefined;
  /** Ends every layer under way; what they had written is the caller's to remove. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of a blob read, and of its tar passed on, so far. */
export type OnProgress = (input: number, output: number) => void;

/** Often enough for a bar that moves, rare enough to cost nothing. */
const PROGRESS_MS = 80;

/** A stage before its lane has given it a ring. */
type WithoutLane<Job> = Job extends unknown ? Omit<Job, keyof LaneJob> : never;
export type FirstStage = WithoutLane<AssembleJob | PackJob> | DecodeStage;
export type SecondStage = WithoutLane<SecondJob>;

interface DecodeStage {
  readonly stage: "decode";
  readonly input: BlobClaim & ({ readonly range: FileRange } | { readonly stream: ByteStream });
}

export class LayerPipeline implements AsyncDisposable {
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #signal: AbortSignal | undefined;
  readonly #maxBytes: number;
  readonly #idle: Lane[] = [];
  readonly #lanes: Lane[] = [];

  constructor(options: PipelineOptions) {
    this.#limit = pLimit(options.jobs);
    this.#signal = options.signal;
    this.#maxBytes = options.maxLayerBytes ?? MAX_LAYER_BYTES;
  }

  /** A blob through both threads, opened when a lane is free. Rejects with the most telling error of the two. */
  run(open: () => Promise<FirstStage>, second: SecondStage, onProgress?: OnProgress): Promise<LayerOutcome> {
    return this.#limit(async () => {
      throwIfAborted(this.#signal);
      const first = await open();
      const lane = this.#idle.pop() ?? this.#newLane();
      try {
        return await lane.run(first, second, this.#signal, onProgress);
      } finally {
        this.#idle.push(lane);
      }
    });
  }

  #newLane(): Lane {
    const lane = new Lane(this.#maxBytes);
    this.#lanes.push(lane);
    return lane;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.end()));
  }
}

class Lane {
  readonly #first = new StageThread();
  readonly #second = new StageThread();
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  async run(
    first: FirstStage,
    second: SecondStage,
    signal: AbortSignal | undefined,
    onProgress: OnProgress | undefined,
  ): Promise<LayerOutcome> {
    const ring = new Ring();
    const shared: LaneJob = { ring: ring.memory, maxBytes: this.#maxBytes };
    const { job, feed } = firstJob(first, shared);
    const cancel = () => {
      feed?.cancel();
      ring.cancel();
    };
    const report = () => onProgress?.(ring.progress.input, ring.progress.output);
    const timer = onProgress && setInterval(report, PROGRESS_MS);
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      const [one, two] = await Promise.all([
        this.#first.answer(job, cancel),
        this.#second.answer({ ...second, ...shared }, cancel),
      ]);
      const failure = await feed?.end();
      throwIfAborted(signal);
      // What was never brought is why the threads have stopped.
      if (failure) throw failure;
      // The source's own fault comes first: what the second thread met may be its consequence.
      for (const answer of [one, two]) if (!answer.ok && !answer.aborted) throw OvlError.fromData(answer.error);
      if (!one.ok || !two.ok) throw new OvlError("INTERNAL", "the threads of a layer stopped without a reason");
      report();
      return { ...(one.outcome as FirstOutcome), ...(two.outcome as SecondOutcome) };
    } finally {
      clearInterval(timer);
      signal?.removeEventListener("abort", cancel);
    }
  }

  async end(): Promise<void> {
    await Promise.all([this.#first.end(), this.#second.end()]);
  }
}

/** Bytes of a stream cannot be had from a thread: they are brought to it from here. */
function firstJob(stage: FirstStage, shared: LaneJob): { job: FirstJob; feed: Feed | null } {
  if (stage.stage !== "decode") return { job: { ...stage, ...shared }, feed: null };
  const { input } = stage;
  if ("range" in input) return { job: { stage: "decode", input, ...shared }, feed: null };
  const { stream, digest, subject } = input;
  const feed = new Feed(stream);
  const arriving = { arriving: feed.memory, size: stream.size, digest, subject };
  return { job: { stage: "decode", input: arriving, ...shared }, feed };
}

class StageThread {
  readonly #worker = new Worker(new URL("./stage-worker.js", import.meta.url), {
    // Stages allocate few short-lived objects; the default of 16 MiB semi-spaces in each of the threads
    // would be most of the process's memory.
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });

  /** Never rejects: a thread that dies has given the answer that it died. */
  answer(job: StageJob, cancel: () => void): Promise<StageAnswer> {
    return new Promise((resolve) => {
      const died = (error: Error) => {
        cancel();
        settle({ ok: false, aborted: false, error: deathOf(error).toData() });
      };
      const exited = (code: number) => died(new Error(`a worker thread exited with ${code}`));
      const settle = (answer: StageAnswer) => {
        this.#worker.off("message", settle).off("error", died).off("exit", exited);
        resolve(answer);
      };
      this.#worker.on("message", settle).on("error", died).on("exit", exited);
      this.#worker.postMessage(job);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** A thread has its own heap; where that is full, it is gone. */
function deathOf(error: Error): OvlError {
  const isMemory = (error as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY";
  if (isMemory) return osError("ENOMEM", "hold what a layer needs in memory");
  // What keeps a thread from starting, such as EMFILE, comes as text only.
  const errno = /^(E[A-Z0-9]+): /.exec(error.message)?.[1];
  return errno === undefined ? new OvlError("INTERNAL", error.message) : osError(errno, "start a thread for a layer");
}

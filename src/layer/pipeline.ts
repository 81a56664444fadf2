/**
 * The threads that layers go through. A layer's two stages, reading and decompressing it, and hashing, splitting and
 * applying it, run in one thread after another piece by piece, or in two at once: so many layers keep every processor
 * busy, and so does a single huge one.
 */
import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import type { ByteStream, FileRange } from "../blob/byte-source.js";
import { MAX_LAYER_BYTES } from "../blob/limit.js";
import { isAboutContent, OvlError } from "../errors.js";
import { throwIfAborted } from "./abort.js";
import { Feed } from "./feed.js";
import type {
  AssembleJob,
  BlobClaim,
  FirstJob,
  LayerOutcome,
  PackJob,
  SecondJob,
  SharedJob,
  StageAnswer,
  StageJob,
} from "./job.js";
import { Ring } from "./ring.js";
import { StageThread } from "./stage-thread.js";

export interface PipelineOptions {
  /** Layers at once. */
  readonly jobs: number;
  /** What the threads may keep busy; default: every processor. */
  readonly processors?: number | undefined;
  /** Bytes that a layer may unpack to; BAD_TAR past that. */
  readonly maxLayerBytes?: number | undefined;
  /** Ends every layer under way, as disposal does; what they had written is the caller's to remove. */
  readonly signal?: AbortSignal | undefined;
}

export interface RunOptions {
  /** How large the layer is, in whatever counts for all layers of the pipeline alike; 0 where nobody knows. */
  readonly size: number;
  /** Told of the bytes read so far, while they are. */
  readonly onProgress?: ((input: number) => void) | undefined;
}

/** Often enough for a bar that moves, rare enough to cost nothing. */
const PROGRESS_MS = 80;

/**
 * A layer gets two threads where it would take longer, in one, than everything else that is to be done takes the other
 * processors, by this factor. Two threads do a layer's work in 0.67 of the time (457 MB, 14,000 files: 1.09 s instead
 * of 1.63), so they leave a third of two processors idle: where there are other layers for these, each in a thread of
 * its own, all are done sooner, with fewer threads to start and with less to fetch from another processor's cache.
 */
const WORTH_TWO_THREADS = 1.2;

/** A stage before the pipeline has given it a ring. */
type Unshared<Job> = Job extends unknown ? Omit<Job, keyof SharedJob> : never;
export type FirstStage = Unshared<AssembleJob | PackJob> | DecodeStage;
export type SecondStage = Unshared<SecondJob>;

interface DecodeStage {
  readonly stage: "decode";
  readonly input: BlobClaim & ({ readonly range: FileRange } | { readonly stream: ByteStream });
}

/**
 * Slots between the two threads of a layer: 16 MiB of slack even out files that take long to create and bytes that take
 * long to inflate. With 2 MiB a layer of 457 MB took 1.17 s instead of 1.07, each of its threads waiting for the other
 * for a quarter of that.
 */
const SLOTS = 64;
/** What is on its way comes in bursts of a few hundred kilobytes. */
const ARRIVING_SLOTS = 8;

export class LayerPipeline implements AsyncDisposable {
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #jobs: number;
  readonly #processors: number;
  readonly #disposed = new AbortController();
  readonly #signal: AbortSignal;
  readonly #maxBytes: number;
  /** Layers that wait or are under way. */
  readonly #running = new Set<Promise<LayerOutcome>>();
  readonly #threads: StageThread[] = [];
  /** By what they do: its code is loaded and compiled. */
  readonly #idle = { first: [] as StageThread[], second: [] as StageThread[] };
  /** Used again: V8 does not know how much memory a ring has, and gives it back late or never. */
  readonly #rings: Ring[] = [];
  /** Of all layers that wait or are under way. */
  #size = 0;

  constructor(options: PipelineOptions) {
    this.#jobs = options.jobs;
    this.#processors = options.processors ?? availableParallelism();
    this.#limit = pLimit(options.jobs);
    const { signal } = this.#disposed;
    this.#signal = options.signal ? AbortSignal.any([options.signal, signal]) : signal;
    this.#maxBytes = options.maxLayerBytes ?? MAX_LAYER_BYTES;
  }

  /** A layer through both stages, opened when its turn has come. Rejects with the most telling error of the two. */
  async run(open: () => Promise<FirstStage>, second: SecondStage, options: RunOptions): Promise<LayerOutcome> {
    this.#size += options.size;
    const running = this.#limit(async () => {
      throwIfAborted(this.#signal);
      return await this.#run(await open(), second, options);
    });
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
      this.#size -= options.size;
    }
  }

  async #run(stage: FirstStage, second: SecondStage, { size, onProgress }: RunOptions): Promise<LayerOutcome> {
    throwIfAborted(this.#signal);
    const two = this.#wantsTwo(size);
    // In one thread nothing goes through it: it only says how far the work is, and that it is called off.
    const ring = this.#ring(two ? SLOTS : 0);
    const shared: SharedJob = { ring: ring.memory, maxBytes: this.#maxBytes };
    const { job, feed } = firstJob(stage, shared, () => this.#ring(ARRIVING_SLOTS));
    const cancel = () => {
      feed?.cancel();
      ring.cancel();
    };
    const report = () => onProgress?.(ring.input);
    const timer = onProgress && setInterval(report, PROGRESS_MS);
    this.#signal.addEventListener("abort", cancel, { once: true });
    try {
      const answers = await this.#answers(job, { ...second, ...shared }, two, cancel);
      const failure = await feed?.end();
      throwIfAborted(this.#signal);
      // What was never brought is why the threads have stopped.
      if (failure) throw failure;
      // The source's own fault comes first: what the second stage met may be its consequence.
      for (const answer of answers) if (!answer.ok && !answer.aborted) throw OvlError.fromData(answer.error);
      const outcomes = answers.map((answer) => {
        if (!answer.ok) throw new OvlError("INTERNAL", "the threads of a layer stopped without a reason");
        return answer.outcome;
      });
      report();
      // Both ends are done with them; where anything failed nobody knows.
      for (const used of feed === null ? [ring] : [ring, feed.ring]) this.#rings.push(used.reset());
      return Object.assign({}, ...outcomes) as LayerOutcome;
    } finally {
      clearInterval(timer);
      this.#signal.removeEventListener("abort", cancel);
    }
  }

  #wantsTwo(size: number): boolean {
    return this.#jobs < this.#processors || size * this.#processors > this.#size * WORTH_TWO_THREADS;
  }

  async #answers(first: FirstJob, second: SecondJob, two: boolean, cancel: () => void): Promise<StageAnswer[]> {
    if (!two) return [await this.#answer("second", { stage: "whole", first, second }, cancel)];
    return Promise.all([this.#answer("first", first, cancel), this.#answer("second", second, cancel)]);
  }

  async #answer(kind: "first" | "second", job: StageJob, cancel: () => void): Promise<StageAnswer> {
    const thread = this.#idle[kind].pop() ?? this.#newThread();
    const answer = await thread.answer(job, cancel);
    if (thread.isAlive) this.#idle[kind].push(thread);
    // No byte that is still to come could say anything about it: nobody waits for them.
    if (!answer.ok && !answer.aborted && !isAboutContent(OvlError.fromData(answer.error))) cancel();
    return answer;
  }

  #newThread(): StageThread {
    const thread = new StageThread(this.#threads.length);
    this.#threads.push(thread);
    return thread;
  }

  #ring(slots: number): Ring {
    const at = this.#rings.findIndex((ring) => ring.slots === slots);
    return at < 0 ? new Ring(slots) : (this.#rings.splice(at, 1)[0] as Ring);
  }

  /**
   * Calls off what waits and what is under way, which rejects with INTERRUPTED, and waits until all of it has ended.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort(new OvlError("INTERRUPTED", "called off: the pipeline of the layer was closed"));
    await Promise.allSettled(this.#running);
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }
}

/** Bytes of a stream cannot be had from a thread: they are brought to it from here, through a ring. */
function firstJob(stage: FirstStage, shared: SharedJob, newRing: () => Ring): { job: FirstJob; feed: Feed | null } {
  if (stage.stage !== "decode") return { job: { ...stage, ...shared }, feed: null };
  const { input } = stage;
  if ("range" in input) return { job: { stage: "decode", input, ...shared }, feed: null };
  const { stream, digest, subject } = input;
  const feed = new Feed(stream, newRing());
  const arriving = { arriving: feed.ring.memory, size: stream.size, digest, subject };
  return { job: { stage: "decode", input: arriving, ...shared }, feed };
}

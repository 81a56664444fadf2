/**
 * A bounded queue of byte chunks between two threads: one produces, one consumes, both block.
 *
 * The memory is one SharedArrayBuffer, so a chunk is written once by the stage that makes it and read in
 * place by the next one. Its size bounds what a layer may hold in memory, whatever the layer's size.
 */
import type { ByteSource } from "../blob/byte-source.js";
import { OvlError } from "../errors.js";

/**
 * Bytes a slot. 256 KiB keeps a slot in the second-level cache between the thread that fills it and the
 * one that hashes, splits and writes it.
 */
const SLOT_BYTES = 256 * 1024;
/**
 * Slots that a sleeping end is woken for, where there are twice as many: filled ones for the consumer, free ones for
 * the producer. Woken for each single one, threads that share a core take turns at it: 11,000 context switches instead
 * of 7,000 in a pull of 673 MB through two rings of eight.
 */
const WORTH_WAKING = 4;

/** Control words, 32 bits each, before the slots. */
const HEAD = 0; // slots published, counting up
const TAIL = 1; // slots released, counting up
const STATE = 2; // OPEN, ENDED or ABORTED
const TICK = 3; // counts every change above: what both ends sleep on, so that no change is slept through
const WORDS = 4;
/** Then a float64: bytes read by the producer. */
const COUNTER_AT = WORDS * 4;
/** Then the length of each slot in bytes, 32 bits each, and the slots. */
const LENGTHS_AT = COUNTER_AT + 8;
const BYTES_A_SLOT = 4 + SLOT_BYTES;

/** Still flowing; ended as it should; given up by the thread at one end; called off from outside. */
const OPEN = 0;
const ENDED = 1;
const ABORTED = 2;
const CANCELLED = 3;

/** What the thread at the other end meets after `abort`; the thread that aborted reports the cause. */
export class RingAborted extends OvlError {
  constructor() {
    super("INTERNAL", "the other end of the pipeline stopped");
  }
}

export class Ring {
  readonly memory: SharedArrayBuffer;
  readonly #control: Int32Array;
  readonly #counter: Float64Array;
  readonly #lengths: Int32Array;
  readonly #slots: readonly Uint8Array[];
  readonly #worthWaking: number;

  /** @param of the memory of a ring that another thread has made, or how many slots a new one has */
  constructor(of: SharedArrayBuffer | number) {
    const memory = typeof of === "number" ? new SharedArrayBuffer(LENGTHS_AT + of * BYTES_A_SLOT) : of;
    const slots = (memory.byteLength - LENGTHS_AT) / BYTES_A_SLOT;
    const slotsAt = LENGTHS_AT + slots * 4;
    this.memory = memory;
    this.#control = new Int32Array(memory, 0, WORDS);
    this.#counter = new Float64Array(memory, COUNTER_AT, 1);
    this.#lengths = new Int32Array(memory, LENGTHS_AT, slots);
    this.#slots = Array.from({ length: slots }, (_, i) => new Uint8Array(memory, slotsAt + i * SLOT_BYTES, SLOT_BYTES));
    this.#worthWaking = Math.min(WORTH_WAKING, slots / 2);
  }

  get slots(): number {
    return this.#slots.length;
  }

  /** As new. Only when both ends are done with it. */
  reset(): this {
    this.#control.fill(0);
    this.#counter[0] = 0;
    return this;
  }

  /** Producer: a free slot to write into; blocks until there is one. Throws RingAborted. */
  acquire(): Uint8Array {
    for (;;) {
      const tick = Atomics.load(this.#control, TICK);
      const slot = this.#freeSlot();
      if (slot !== null) return slot;
      Atomics.wait(this.#control, TICK, tick);
    }
  }

  /**
   * Producer in a thread that must not block: copies bytes into as many slots as they need, and waits for free
   * ones as a promise does. Throws RingAborted.
   */
  async push(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const tick = Atomics.load(this.#control, TICK);
      const slot = this.#freeSlot();
      if (slot === null) {
        await Atomics.waitAsync(this.#control, TICK, tick).value;
        continue;
      }
      const part = bytes.subarray(at, at + slot.length);
      slot.set(part);
      this.publish(part.length);
      at += part.length;
    }
  }

  /** Producer: the acquired slot holds this many bytes now. */
  publish(length: number): void {
    const head = Atomics.load(this.#control, HEAD);
    Atomics.store(this.#lengths, head % this.#slots.length, length);
    Atomics.store(this.#control, HEAD, head + 1);
    this.#changed(head + 1 - Atomics.load(this.#control, TAIL));
  }

  /** Producer: everything was published, and was what it claimed to be. */
  end(): void {
    Atomics.compareExchange(this.#control, STATE, OPEN, ENDED);
    this.#changed();
  }

  /** Either end: stop; nothing more is delivered. */
  abort(): void {
    Atomics.compareExchange(this.#control, STATE, OPEN, ABORTED);
    this.#changed();
  }

  /** A third thread: both ends stop whatever they are at. */
  cancel(): void {
    Atomics.store(this.#control, STATE, CANCELLED);
    this.#changed();
  }

  /** Throws RingAborted once the work is called off. */
  throwIfCancelled(): void {
    if (Atomics.load(this.#control, STATE) === CANCELLED) throw new RingAborted();
  }

  /** Producer: so many bytes of the blob have been read by now. */
  countInput(bytes: number): void {
    this.#counter[0] = (this.#counter[0] as number) + bytes;
  }

  /** Any thread: bytes read up to now. */
  get input(): number {
    return this.#counter[0] as number;
  }

  /** Consumer: the chunks in order. A chunk's slot is given back when the next one is asked for. */
  source(): ByteSource {
    let held = false;
    return {
      read: () => {
        if (held) {
          const released = Atomics.add(this.#control, TAIL, 1) + 1;
          this.#changed(this.#slots.length - (Atomics.load(this.#control, HEAD) - released));
          held = false;
        }
        const tail = Atomics.load(this.#control, TAIL);
        for (;;) {
          const tick = Atomics.load(this.#control, TICK);
          this.#throwIfAborted();
          const state = Atomics.load(this.#control, STATE);
          const head = Atomics.load(this.#control, HEAD);
          if (head > tail) {
            held = true;
            const slot = tail % this.#slots.length;
            return (this.#slots[slot] as Uint8Array).subarray(0, Atomics.load(this.#lengths, slot));
          }
          if (state === ENDED) return null;
          Atomics.wait(this.#control, TICK, tick);
        }
      },
    };
  }

  #freeSlot(): Uint8Array | null {
    this.#throwIfAborted();
    const head = Atomics.load(this.#control, HEAD);
    const slots = this.#slots.length;
    return head - Atomics.load(this.#control, TAIL) < slots ? (this.#slots[head % slots] as Uint8Array) : null;
  }

  /** @param slots that the other end has to work with now */
  #changed(slots = this.#slots.length): void {
    Atomics.add(this.#control, TICK, 1);
    if (slots >= this.#worthWaking) Atomics.notify(this.#control, TICK);
  }

  #throwIfAborted(): void {
    if (Atomics.load(this.#control, STATE) >= ABORTED) throw new RingAborted();
  }
}

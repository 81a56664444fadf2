/** What happened to a container, an image, or everything in a root, in order of time. Nothing is written. */
import { OvlError } from "../errors.js";
import type { ChainId, ImageId } from "../model/digest.js";
import { type RootfsTarget, resolveTarget } from "../rootfs/layers.js";
import type { Container } from "../store/mounts.js";
import type { Store } from "../store/store.js";
import { missingLayer, readImage } from "../store/stored-image.js";
import { type Dated, eventsOf, type FileFact, sorted, type TimelineEvent } from "./timeline-event.js";
import { filesOf, logsOf, type Writer } from "./timeline-files.js";
import { containerEvents, imageEvents } from "./timeline-records.js";

export interface TimelineWarning {
  readonly message: string;
}

/** What is asked for, and what was met on the way; `warnings` is whole when the answer is. */
export class Timeline {
  readonly warnings: TimelineWarning[] = [];
  readonly #store: Store;
  readonly #images: readonly ImageId[];
  readonly #containers: readonly Container[];
  readonly #writers: readonly Writer[];

  /** @param target a container, an image, or null for everything. Throws NOT_FOUND, AMBIGUOUS. */
  constructor(store: Store, target: string | null) {
    this.#store = store;
    const found = target === null ? null : resolveTarget(store, target);
    this.#containers = found === null ? store.users.containers : found.kind === "container" ? [found.container] : [];
    this.#images = found === null ? store.images.ids() : imagesOf(found);
    this.#writers = found === null ? everyWriter(store) : this.#containers.map(writerOf);
    if (found === null) this.warnings.push(...store.layout.warnings, ...store.users.warnings);
  }

  /** All at once: they are sorted. */
  events(): TimelineEvent[] {
    const events = this.#records();
    for (const fact of this.files()) events.push(...eventsOf(fact));
    return sorted(events);
  }

  /** Images and containers only. */
  records(): TimelineEvent[] {
    return sorted(this.#records());
  }

  /** Files of containers, one at a time, in no order of time. */
  *files(): Generator<FileFact> {
    const warn = (message: string) => this.warnings.push({ message });
    for (const writer of this.#writers) {
      yield* filesOf(this.#store, writer, warn);
      yield* logsOf(this.#store, writer);
    }
  }

  #records(): Dated[] {
    const known = new Set<ChainId>();
    const events: Dated[] = [];
    for (const id of this.#images) {
      try {
        const image = readImage(this.#store, id);
        const missing = missingLayer(this.#store, image);
        if (missing !== null) this.warnings.push({ message: missing });
        events.push(...imageEvents(this.#store, image, known));
      } catch (thrown) {
        if (!(thrown instanceof OvlError)) throw thrown;
        this.warnings.push({ message: `image ${id} is left out: ${thrown.message}` });
      }
    }
    for (const container of this.#containers) events.push(...containerEvents(container));
    return events;
  }
}

function imagesOf(target: RootfsTarget): ImageId[] {
  const id = target.kind === "image" ? target.id : target.container.imageId;
  return id === null ? [] : [id];
}

function writerOf({ id, name, mount }: Container): Writer {
  return { id, label: name === "" ? id : name, mountId: mount?.mountId ?? null };
}

/** Also of containers whose config is lost: their layers are there. */
function everyWriter(store: Store): Writer[] {
  const { containers, mounts } = store.users;
  const known = new Set(containers.map(({ id }) => id));
  const lost = mounts.filter(({ containerId }) => !known.has(containerId));
  return [
    ...containers.map(writerOf),
    ...lost.map(({ containerId, mountId }) => ({ id: containerId, label: containerId, mountId })),
  ];
}

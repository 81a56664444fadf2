/** What happened in a root, and when: the events of a timeline and the files that tell of them. */
import type { ChainId, ImageId } from "../model/digest.js";
import { parseRfc3339 } from "../model/time.js";
import { timeText } from "../rootfs/describe.js";
import type { EntryType } from "../rootfs/entry.js";
import type { Time } from "../sys/attributes.js";
import type { Stat } from "../sys/stat.js";

export type EventKind =
  /** By the image's config: a step of its history, the image itself. */
  | "layer-created"
  | "image-created"
  /** By the root: when a layer was pulled, built or loaded here; when the image last got a name. */
  | "layer-stored"
  | "image-tagged"
  | "container-created"
  | "container-started"
  | "container-finished"
  | "log-written"
  /** In a container's own layer: content (mtime), attributes or name (ctime), whiteouts. */
  | "file-modified"
  | "file-changed"
  | "file-deleted";

export interface TimelineEvent {
  /** RFC 3339. */
  readonly time: string;
  readonly kind: EventKind;
  readonly image: ImageId | null;
  readonly container: string | null;
  readonly chainId: ChainId | null;
  /** In the container; of a log file on this machine. */
  readonly path: string | null;
  readonly type: EntryType | null;
  readonly size: number | null;
  /** Of a deletion: false where the time is only the latest that it can have been. */
  readonly exact: boolean;
  /** For people: the command of a step, the exit status of a container. */
  readonly detail: string;
}

/** An event before it has its place. */
export interface Dated {
  readonly at: Time;
  readonly event: Omit<TimelineEvent, "time">;
}

/** A file that somebody has written, or the whiteout of one that is gone. */
export interface FileFact {
  readonly container: string;
  /** Name of the container, or its id. */
  readonly label: string;
  /** In the container, or absolute of a log file: fit for display. */
  readonly path: string;
  readonly kind: "file" | "deleted" | "log";
  readonly type: EntryType;
  readonly stat: Stat;
  /** mtime of the directory that it is in: the latest time at which its name can have come or gone. */
  readonly directoryTime: Time;
  /** A directory that hides what the image has below it: it was deleted and made again. */
  readonly opaque: boolean;
}

const BLANK: Omit<TimelineEvent, "time" | "kind"> = {
  image: null,
  container: null,
  chainId: null,
  path: null,
  type: null,
  size: null,
  exact: true,
  detail: "",
};

export function dated(at: Time, kind: EventKind, fields: Partial<Omit<TimelineEvent, "time" | "kind">>): Dated {
  return { at, event: { kind, ...BLANK, ...fields } };
}

/** null for what is no time, and for Go's zero time, which stands for never. */
export function timeOf(text: unknown): Time | null {
  const time = typeof text === "string" ? parseRfc3339(text) : null;
  return time === null || time.sec <= ZERO ? null : { sec: time.sec, nsec: time.nsec };
}

/** The year 1, with a day for zones. */
const ZERO = -62_135_596_800 + 86_400;

/** The events that a file tells of. */
export function eventsOf(fact: FileFact): Dated[] {
  const { container, path, type, stat, kind } = fact;
  const fields = { container, path, type, size: stat.size };
  switch (kind) {
    case "log":
      return [dated(stat.mtime, "log-written", fields)];
    case "deleted": {
      const { at, exact } = deletionTime(fact);
      return [dated(at, "file-deleted", { ...fields, size: null, exact })];
    }
    case "file": {
      const detail = fact.opaque ? "replaces what the image has there" : "";
      const modified = dated(stat.mtime, "file-modified", { ...fields, detail });
      if (stat.ctime.sec === stat.mtime.sec) return [modified];
      return [modified, dated(stat.ctime, "file-changed", { ...fields, detail })];
    }
  }
}

/**
 * Kernels since 5.8 give all whiteouts of a mount one inode, whose times are those of the first and of the last
 * deletion. What is known of one then is that its directory was not changed after its mtime.
 */
export function deletionTime({ stat, directoryTime }: FileFact): { at: Time; exact: boolean } {
  if (stat.nlink < 2) return { at: stat.mtime, exact: true };
  return { at: isBefore(directoryTime, stat.ctime) ? directoryTime : stat.ctime, exact: false };
}

export function isBefore(a: Time, b: Time): boolean {
  return a.sec < b.sec || (a.sec === b.sec && a.nsec < b.nsec);
}

/** In order of time; what has the same time stays in the order in which it was found. */
export function sorted(events: readonly Dated[]): TimelineEvent[] {
  return [...events]
    .sort((a, b) => a.at.sec - b.at.sec || a.at.nsec - b.at.nsec)
    .map(({ at, event }) => ({ time: timeText(at), ...event }));
}

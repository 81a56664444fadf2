/** `ovl timeline` for people: a line an event. */
import type { TimelineEvent } from "../../audit/timeline-event.js";
import { byteStringOf, displayName } from "../../model/bytes.js";
import { shortId } from "../units.js";

export function eventText(event: TimelineEvent, trunc: boolean): string {
  const { time, kind, container, image, path, chainId, detail, exact } = event;
  const subject = container ?? chainId ?? image ?? "";
  const id = trunc ? shortId(subject) : subject;
  const what = [path ?? "", detail, exact ? "" : "(at the latest)"].filter((part) => part !== "").join("  ");
  const when = time.slice(0, 19).replace("T", " ");
  return `${when} ${kind.padEnd(18)} ${id.padEnd(12)} ${displayName(byteStringOf(what))}`.trimEnd();
}

/** Objects of a layer in the words that ovl prints, also in JSON. */
import { type ByteString, displayName, utf8Of } from "../model/bytes.js";
import { formatRfc3339 } from "../model/time.js";
import type { Time } from "../sys/attributes.js";
import type { Stat } from "../sys/stat.js";

/** Permission bits with setuid, setgid and sticky: `0755`. */
export function modeText({ mode }: Stat): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

/** The years 1 to 9999 are what RFC 3339 can say; a disk can say more. */
const EARLIEST = -62_135_596_800;
const LATEST = 253_402_300_799;

/** RFC 3339, UTC, nanoseconds; the nearest time that it can say. */
export function timeText({ sec, nsec }: Time): string {
  return formatRfc3339({ sec: Math.min(Math.max(sec, EARLIEST), LATEST), nsec, offset: 0 });
}

/** A name as it is where that is text; else, as it is shown, with `\xNN` for bytes that are none. */
export function nameText(name: ByteString): string {
  return utf8Of(name) ?? displayName(name);
}

/** RFC 3339 times as Go 1.19's time.Time takes them from JSON, which decides what dockerd accepts. */

export interface Rfc3339Time {
  /** Seconds since 1970. */
  readonly sec: number;
  readonly nsec: number;
  /** Seconds east of UTC. */
  readonly offset: number;
}

// Go takes one-digit hours, a comma for the point, and any number of fractional digits (nine count).
const SHAPE = /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** The instant, or null where text is no such time (also 30 February, hour 24, second 60). */
export function parseRfc3339(text: string): Rfc3339Time | null {
  const match = SHAPE.exec(text);
  if (match === null) return null;
  const year = Number(match[1]);
  const month = Number(match[2]);
  const day = Number(match[3]);
  const hour = Number(match[4]);
  const minute = Number(match[5]);
  const second = Number(match[6]);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  if (hour > 23 || minute > 59 || second > 59) return null;
  // Date.UTC takes a year before 100 for one of the 20th century. The calendar repeats after 400 years.
  const ms = Date.UTC(year + 400, month - 1, day, hour, minute, second) - MS_OF_400_YEARS;
  const sign = match[8] === "-" ? -1 : 1;
  const offset = sign * (Number(match[9] ?? 0) * 3600 + Number(match[10] ?? 0) * 60) || 0;
  const nsec = Number((match[7] ?? "").slice(0, 9).padEnd(9, "0"));
  return { sec: ms / 1000 - offset, nsec, offset };
}

const MS_OF_400_YEARS = 146_097 * 86_400_000;

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] as number;
}

/** The time as Go's time.Time writes it to JSON: fraction without trailing zeros, the offset kept. */
export function formatRfc3339({ sec, nsec, offset }: Rfc3339Time): string {
  const local = new Date((sec + offset) * 1000).toISOString().slice(0, 19);
  const fraction = nsec === 0 ? "" : `.${String(nsec).padStart(9, "0").replace(/0+$/, "")}`;
  if (offset === 0) return `${local}${fraction}Z`;
  const minutes = Math.abs(offset) / 60;
  const pad = (n: number) => String(Math.trunc(n)).padStart(2, "0");
  return `${local}${fraction}${offset < 0 ? "-" : "+"}${pad(minutes / 60)}:${pad(minutes % 60)}`;
}

/** What Go writes for a time that was never set. */
export const ZERO_TIME = "0001-01-01T00:00:00Z";

/** The present time to the nanosecond as far as the clock has them, in UTC. */
export function now(): string {
  const nanoseconds = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
  return formatRfc3339({
    sec: Number(nanoseconds / 1_000_000_000n),
    nsec: Number(nanoseconds % 1_000_000_000n),
    offset: 0,
  });
}

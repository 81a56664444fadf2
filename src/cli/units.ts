/** Sizes and ages in the words that docker uses for them. */
import { OvlError } from "../errors.js";

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"] as const;

/** Powers of 1000, significant digits: `72.8MB` as docker's columns have it with 3, its totals with 4. */
export function humanSize(bytes: number, digits = 3): string {
  let unit = 0;
  let value = bytes;
  // 999.6 kB at three digits would be 1000 kB: the next unit says it shorter.
  while (Number(value.toPrecision(digits)) >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${Number(value.toPrecision(digits))}${UNITS[unit]}`;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24;
const WEEK = 7 * DAY;
const MONTH = 30 * DAY;
const YEAR = 365 * DAY;

/** How long ago a time was, `2 weeks ago`; `N/A` where there is none. Docker tells its client whole seconds. */
export function humanAge(time: string | null, now = Date.now()): string {
  const at = time === null ? Number.NaN : Date.parse(time);
  // Go's zero time, year 1, is how builders that omit `created` write it.
  if (Number.isNaN(at) || at < -62_000_000_000_000) return "N/A";
  return `${humanDuration(now / 1000 - Math.floor(at / 1000))} ago`;
}

export function humanDuration(seconds: number): string {
  const whole = Math.trunc(seconds);
  if (whole < 1) return "Less than a second";
  if (whole === 1) return "1 second";
  if (whole < MINUTE) return `${whole} seconds`;
  const minutes = Math.trunc(seconds / MINUTE);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(seconds / HOUR + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 2 * DAY) return `${hours} hours`;
  if (hours < 2 * WEEK) return `${Math.trunc(hours / DAY)} days`;
  if (hours < 2 * MONTH) return `${Math.trunc(hours / WEEK)} weeks`;
  if (hours < 2 * YEAR) return `${Math.trunc(hours / MONTH)} months`;
  return `${Math.trunc(seconds / HOUR / YEAR)} years`;
}

/** 12 hex characters of an identifier, as tables show it. */
export function shortId(id: string): string {
  return id.slice(id.indexOf(":") + 1).slice(0, 12);
}

const FACTORS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
};

/** Bytes as people write them: `20MB`, `512KiB`, `1000`. Throws USAGE in the flag's name. */
export function parseSize(text: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmgt]?i?)b?$/i.exec(text);
  const factor = match === null ? undefined : FACTORS[(match[2] as string).toLowerCase()];
  if (match !== null && factor !== undefined) return Number(match[1]) * factor;
  throw new OvlError("USAGE", `${flag} takes bytes, as in 20MB or 512KiB, not ${JSON.stringify(text)}`);
}

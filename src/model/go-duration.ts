/** Durations as Go's time.ParseDuration takes them: `1h30m`, `1.5s`, `-250ms`. */

const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

const PART = /([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)/y;

/** Nanoseconds; null where text is no duration, or a longer one than 64 bits can say. */
export function parseDuration(text: string): number | null {
  const [, sign, parts = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (parts === "0") return 0;
  let total = 0;
  PART.lastIndex = 0;
  for (let end = 0; end < parts.length || end === 0; end = PART.lastIndex) {
    const match = PART.exec(parts);
    if (match === null) return null;
    total += Number(match[1]) * (UNIT_NS[match[2] as string] as number);
  }
  if (total >= 2 ** 63) return null;
  return Math.trunc(sign === "-" ? -total : total) + 0;
}

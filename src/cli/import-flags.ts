/** What the flags of `ovl import` mean; refused before anything is read. */
import { OvlError } from "../errors.js";
import { applyChanges } from "../model/change.js";
import { hostPlatform, type Platform, parsePlatform } from "../model/platform.js";
import { formatRfc3339, now } from "../model/time.js";
import type { ImportOptions } from "../store/import.js";
import { tagOf } from "../store/tag.js";

export interface ImportFlags {
  readonly change?: readonly string[] | undefined;
  readonly message?: string | undefined;
  readonly platform?: string | undefined;
}

/** What docker says, whose client sends a file as it would send its standard input. */
const MESSAGE = "Imported from -";

/** Throws USAGE. */
export function importPlan(name: string | undefined, flags: ImportFlags): Omit<ImportOptions, "signal" | "progress"> {
  return {
    name: name === undefined ? null : tagOf(name),
    config: applyChanges({}, flags.change ?? []),
    message: flags.message || MESSAGE,
    platform: platformOf(flags.platform),
    created: createdTime(),
  };
}

function platformOf(text: string | undefined): Platform {
  const platform = text === undefined ? hostPlatform() : parsePlatform(text);
  if (platform.os === "linux") return platform;
  throw new OvlError("USAGE", `--platform ${text}: a docker root on Linux takes linux images only`);
}

/** When a new image says that it was made. Throws USAGE for a SOURCE_DATE_EPOCH that is no time. */
export function createdTime(): string {
  return sourceDate() ?? now();
}

/** https://reproducible-builds.org/specs/source-date-epoch */
function sourceDate(): string | null {
  const text = process.env["SOURCE_DATE_EPOCH"];
  if (text === undefined || text === "") return null;
  if (/^[0-9]{1,11}$/.test(text)) return formatRfc3339({ sec: Number(text), nsec: 0, offset: 0 });
  throw new OvlError("USAGE", `SOURCE_DATE_EPOCH is ${JSON.stringify(text)}; expected seconds since 1970`);
}

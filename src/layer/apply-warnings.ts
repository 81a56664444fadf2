/** What a user should know about an applied layer: one warning a kind, however many entries it is true of. */
import { type ByteString, displayName } from "../model/bytes.js";
import type { LayerWarning } from "./job.js";

/**
 * PATH_ESCAPE: a name, hard link or symlink that leads out of the layer was kept inside, as dockerd keeps it.
 * XATTR_IGNORED: the filesystem or the kernel did not take an extended attribute; dockerd goes on, too.
 * UNPRIVILEGED: ownership, devices or modes that an ordinary user cannot have were left out.
 */
export type ApplyWarningCode = "PATH_ESCAPE" | "XATTR_IGNORED" | "UNPRIVILEGED";

interface Kind {
  readonly name: string;
  readonly message: string;
  count: number;
}

export class ApplyWarnings {
  readonly #kinds = new Map<ApplyWarningCode, Kind>();

  add(code: ApplyWarningCode, name: ByteString, message: () => string): void {
    const kind = this.#kinds.get(code);
    if (kind !== undefined) kind.count++;
    else this.#kinds.set(code, { name: displayName(name), message: message(), count: 1 });
  }

  list(): LayerWarning[] {
    return [...this.#kinds].map(([code, kind]) => ({ code, ...kind }));
  }
}

/**
 * Warnings of several layers as a user should read them: what is true of many entries said once, with their
 * number; what names an entry that is lost said for each.
 */
export function summarized(warnings: readonly LayerWarning[]): LayerWarning[] {
  const kinds = new Map<string, LayerWarning>();
  for (const warning of warnings) {
    const key = warning.code === "IRREPRODUCIBLE" ? `${warning.code} ${warning.message}` : warning.code;
    const before = kinds.get(key);
    kinds.set(key, before === undefined ? warning : { ...before, count: before.count + warning.count });
  }
  return [...kinds.values()].map((warning) => {
    const more = warning.count > 1 ? `; and ${warning.count - 1} more of this kind` : "";
    return { ...warning, message: warning.message + more };
  });
}

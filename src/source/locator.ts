/** What the user wrote for SOURCE, taken apart. */
import { existsSync } from "node:fs";
import { OvlError } from "../errors.js";
import { parseReference, type Reference } from "../model/reference.js";

export type Locator =
  | { readonly kind: "oci" | "oci-archive" | "docker-archive"; readonly path: string; readonly name: string | null }
  /** A path whose kind is found by looking inside. */
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "stdin" }
  | { readonly kind: "registry"; readonly reference: Reference };

/**
 * @param exists whether a path exists: it decides whether a bare word is a file or an image in a registry, and
 * where a path that holds colons ends
 * Throws USAGE.
 */
export function parseLocator(text: string, exists: (path: string) => boolean = existsSync): Locator {
  if (text === "") throw new OvlError("USAGE", "SOURCE is empty; expected a path, an image name or - for stdin");
  if (text === "-") return { kind: "stdin" };
  const prefixed = /^(oci|oci-archive|docker-archive):(.*)$/s.exec(text);
  if (prefixed !== null) {
    const kind = prefixed[1] as "oci" | "oci-archive" | "docker-archive";
    return { kind, ...splitName(prefixed[2] as string, kind, exists) };
  }
  if (text.startsWith("docker://")) return { kind: "registry", reference: parseReference(text.slice(9)) };
  if (/^\.{0,2}\//.test(text) || exists(text)) return { kind: "path", path: text };
  return { kind: "registry", reference: parseReference(text) };
}

/**
 * `PATH[:NAME]`. A name holds colons too, so the path ends at the first one, unless only a longer piece of the
 * text exists.
 */
function splitName(
  text: string,
  kind: string,
  exists: (path: string) => boolean,
): { path: string; name: string | null } {
  const colons = [...text.matchAll(/:/g)].map(({ index }) => index);
  const ends = [...colons, text.length];
  const end = ends.find((at) => at > 0 && exists(text.slice(0, at))) ?? (ends[0] as number);
  const path = text.slice(0, end);
  if (path === "") throw new OvlError("USAGE", `${kind}: names no path; expected ${kind}:PATH[:NAME]`);
  return { path, name: text.slice(end + 1) || null };
}

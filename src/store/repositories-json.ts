/** What `repositories.json` says, as dockerd's decoder takes it: keys in any case, and what is there twice merged. */
import { OvlError } from "../errors.js";
import { byteString, bytesOf } from "../model/bytes.js";
import { isField, isJsonObject } from "../model/go-shape.js";
import { parseJson } from "../model/json.js";
import { rawEntries } from "../model/raw-json.js";

/** 100,000 references of 600 bytes: far more than a root that anybody has seen. */
export const MAX_NAMES_BYTES = 64 * 1024 * 1024;

export interface RepositoriesJson {
  /** By repository, then by reference: image ids, or whatever text is in the place of one. */
  readonly names: Map<string, Map<string, string>>;
  /** A null in the place of all names: dockerd starts, and crashes at the first tag. */
  readonly isNull: boolean;
}

/** Or the rest of a sentence that begins with the file: why dockerd does not start. */
export function parseRepositories(bytes: Uint8Array): RepositoriesJson | string {
  if (bytes.length === 0) return "is empty";
  const limits = {
    subject: "repositories.json",
    code: "BAD_ROOT",
    maxBytes: MAX_NAMES_BYTES,
    trailing: "ignore",
  } as const;
  try {
    if (!isJsonObject(parseJson(bytes, limits))) return "is no JSON object";
  } catch (thrown) {
    if (thrown instanceof OvlError) return "is no JSON";
    throw thrown;
  }
  const names = new Map<string, Map<string, string>>();
  let isNull = false;
  for (const [key, raw] of rawEntries(byteString(bytes))) {
    if (!isField(key, "Repositories")) continue;
    const value = parseJson(bytesOf(raw), limits);
    isNull = value === null;
    if (isNull) names.clear();
    else if (!isJsonObject(value)) return "has no object Repositories";
    else {
      const problem = merge(names, value);
      if (problem !== null) return problem;
    }
  }
  return { names, isNull };
}

/** A repository that is there twice is the last one of them; a null is Go's zero value. */
function merge(
  names: Map<string, Map<string, string>>,
  repositories: Readonly<Record<string, unknown>>,
): string | null {
  for (const [name, references] of Object.entries(repositories)) {
    if (references !== null && !isJsonObject(references)) return `has no object for ${JSON.stringify(name)}`;
    const ids = new Map<string, string>();
    for (const [text, id] of Object.entries(references ?? {})) {
      if (id !== null && typeof id !== "string") return `has no image id for ${JSON.stringify(text)}`;
      ids.set(text, id ?? "");
    }
    names.set(name, ids);
  }
  return null;
}

/**
 * Under whose name a blob was pushed, as dockerd notes it in `v2metadata-by-diffid` without giving the name away:
 * an HMAC of the note, its key a digest of the credentials. Only whoever has the same credentials can tell that a
 * note is theirs.
 */
import { createHmac } from "node:crypto";
import { sha256 } from "../model/digest.js";
import { goJson } from "../model/go-json.js";
import type { Credentials } from "../source/registry/options.js";
import type { BlobRecord } from "./distribution.js";

/** The key of an account. Nobody in particular has one, too: dockerd makes it of an empty set of credentials. */
export type AccountKey = string;

export function accountKey(credentials: Credentials | null): AccountKey {
  const { username = "", password = "", identityToken = "" } = credentials ?? {};
  const fields = Object.entries({ username, password, identitytoken: identityToken ?? "" });
  return sha256(goJson(Object.fromEntries(fields.filter(([, value]) => value !== ""))));
}

/** In hex, over digest and repository. */
export function recordHmac(key: AccountKey, { digest, repository }: Omit<BlobRecord, "hmac">): string {
  return createHmac("sha256", key).update(digest).update(repository).digest("hex");
}

/** Whether a note was made under this account. What a pull notes has no HMAC, and so is nobody's. */
export function isOf(key: AccountKey, record: BlobRecord): boolean {
  return record.hmac.toLowerCase() === recordHmac(key, record);
}

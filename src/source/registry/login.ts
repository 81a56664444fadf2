/** Credentials of a registry, proven and put where docker's client finds them; or taken from there. */
import { OvlError } from "../../errors.js";
import { type JsonObject, objectOf } from "../../model/go-shape.js";
import { type AuthFile, authKeys, dockerConfigPath, readAuthFile, sameRegistry, writeAuthFile } from "./auth-file.js";
import { RegistryClient } from "./client.js";
import { eraseInHelper, helperFor, storeInHelper } from "./credential-helper.js";
import { helperKey } from "./credentials.js";
import type { Credentials, RegistryOptions } from "./options.js";
import { discard } from "./transport.js";

/** Throws UNAUTHORIZED where the registry refuses them, and what keeps it from being asked; then nothing is stored. */
export async function login(domain: string, credentials: Credentials, options: RegistryOptions): Promise<void> {
  if (credentials.username.includes(":")) {
    throw new OvlError("USAGE", "a user name with a colon cannot be told from its password");
  }
  await prove(domain, credentials, options);
  const file = readAuthFile(dockerConfigPath());
  const helper = helperFor(file, authKeys(domain, ""));
  if (helper !== null) await storeInHelper(helper, helperKey(domain), credentials);
  const auth = Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64");
  // Beside a helper docker lists the registry, too, without its secret.
  writeAuths(file, { ...without(file, domain), [helperKey(domain)]: helper === null ? { auth } : {} });
}

/** @returns whether there was anything to forget. */
export async function logout(domain: string): Promise<boolean> {
  const file = readAuthFile(dockerConfigPath());
  const helper = helperFor(file, authKeys(domain, ""));
  if (helper !== null) await eraseInHelper(helper, helperKey(domain));
  const rest = without(file, domain);
  const isKnown = Object.keys(rest).length < Object.keys(authsOf(file)).length;
  if (isKnown) writeAuths(file, rest);
  return isKnown || helper !== null;
}

async function prove(domain: string, credentials: Credentials, options: RegistryOptions): Promise<void> {
  await using client = new RegistryClient(domain, "", { ...options, credentials });
  const subject = `login to ${domain}`;
  const answer = await client.request({ method: "GET", path: "", scope: [], accept: [200], subject });
  await discard(answer);
}

function authsOf({ content }: AuthFile): JsonObject {
  const auths = content["auths"];
  return objectOf(auths);
}

function without(file: AuthFile, domain: string): Record<string, unknown> {
  const keys = authKeys(domain, "");
  const entries = Object.entries(authsOf(file));
  return Object.fromEntries(entries.filter(([known]) => !keys.some((key) => sameRegistry(key, known))));
}

function writeAuths({ path, content }: AuthFile, auths: Record<string, unknown>): void {
  writeAuthFile({ path, content: { ...content, auths } });
}

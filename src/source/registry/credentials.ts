/** Whose name a registry is asked in: the command line, then `REGISTRY_AUTH_FILE`, then docker's `config.json`. */
import { authKeys, credentialsIn, dockerConfigPath, readAuthFile } from "./auth-file.js";
import { fromHelper, helperFor } from "./credential-helper.js";
import { DOCKER_HUB_KEY, isDockerHub } from "./host.js";
import type { Credentials } from "./options.js";

/**
 * Credentials for a repository; null: anonymous. Throws BAD_CONFIG, PERMISSION, and UNAUTHORIZED from a helper.
 * @param path of the repository; empty for the registry as a whole
 */
export async function findCredentials(domain: string, path: string, signal?: AbortSignal): Promise<Credentials | null> {
  const named = process.env["REGISTRY_AUTH_FILE"];
  for (const file of [...(named ? [named] : []), dockerConfigPath()].map(readAuthFile)) {
    const keys = authKeys(domain, path);
    const helper = helperFor(file, keys);
    const found = helper === null ? null : await fromHelper(helper, helperKey(domain), signal);
    const credentials = found ?? credentialsIn(file, keys);
    if (credentials !== null) return credentials;
  }
  return null;
}

/** What helpers and docker's file call a registry. */
export function helperKey(domain: string): string {
  return isDockerHub(domain) ? DOCKER_HUB_KEY : domain;
}

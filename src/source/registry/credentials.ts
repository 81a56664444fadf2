/**
 * Whose name a registry is asked in where the command line does not say it: by the files of podman and skopeo, in the
 * order of containers-auth.json(5), then by docker's.
 */
import { existsSync } from "node:fs";
import { authKeys, credentialsIn, dockerConfigPath, podmanAuthPaths, readAuthFile } from "./auth-file.js";
import { fromHelper, helperFor } from "./credential-helper.js";
import { DOCKER_HUB_KEY, isDockerHub } from "./host.js";
import type { Credentials } from "./options.js";

/**
 * Credentials for a repository; null: anonymous. Throws BAD_CONFIG, PERMISSION, and UNAUTHORIZED from a helper.
 * @param path of the repository; empty for the registry as a whole
 */
export async function findCredentials(domain: string, path: string, signal?: AbortSignal): Promise<Credentials | null> {
  const named = process.env["REGISTRY_AUTH_FILE"];
  const keys = authKeys(domain, path);
  // Another user's place may be one where we cannot look.
  for (const place of [...(named ? [named] : []), ...podmanAuthPaths().filter(existsSync), dockerConfigPath()]) {
    const file = readAuthFile(place);
    const helper = helperFor(file, keys);
    const found = helper === null ? null : await fromHelper(helper, helperKey(domain), signal);
    const credentials = found ?? credentialsIn(file, keys);
    if (credentials !== null) return place === dockerConfigPath() ? credentials : { ...credentials, place };
  }
  return null;
}

/** What helpers and docker's file call a registry. */
export function helperKey(domain: string): string {
  return isDockerHub(domain) ? DOCKER_HUB_KEY : domain;
}

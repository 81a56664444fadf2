/** Where certificates of registries lie. Apart from what reads them: every command needs to know, few need TLS. */
import { homedir } from "node:os";
import { join } from "node:path";

/** Directories with a directory a registry: docker's, and for an ordinary user also that of a rootless dockerd. */
export function certificateDirectories(env: NodeJS.ProcessEnv = process.env, uid = process.getuid?.()): string[] {
  const rootless = join(env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "docker/certs.d");
  return ["/etc/docker/certs.d", ...(uid === 0 ? [] : [rootless])];
}

/** Links of old (`--link`) as dockerd has them once it has read what is on disk: daemon/links.go, opts/link.go. */
import { posix } from "node:path";
import { OvlError } from "../errors.js";
import type { JsonObject } from "../model/go-shape.js";
import type { Container } from "../store/mounts.js";
import { findContainer } from "../store/resolve-container.js";
import type { Store } from "../store/store.js";

const OWN_NETWORK = /^(default|bridge|none|host|container:.*)?$/;

/**
 * `/child:/parent/alias` each, by alias; dockerd goes through a map. null where there are none: in a network that a
 * user has made they are the network's. What comes after one that leads nowhere dockerd does not look at.
 * @param hostConfigOf hostconfig.json of any container
 */
export function linksOf(
  store: Store,
  { id, config }: Container,
  hostConfigOf: (id: string) => JsonObject,
): string[] | null {
  const { NetworkMode, Links } = hostConfigOf(id);
  if (!OWN_NETWORK.test(String(NetworkMode ?? "")) || !Array.isArray(Links)) return null;
  const children = new Map<string, string>();
  for (const link of Links.map(String)) {
    const [name = "", given = name] = link.split(":");
    const alias = name.startsWith("/") ? posix.basename(given) : given;
    const child = ownerOfNetwork(store, name, hostConfigOf);
    if (child === null || link.split(":").length > 2) break;
    const path = posix.join(String(config["Name"] ?? ""), alias);
    if (!children.has(path)) children.set(path, `${child.config["Name"]}:${path}`);
  }
  return children.size === 0 ? null : [...children].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
}

/** The container, or the one whose network it shares; null for none, and for the host's. */
function ownerOfNetwork(store: Store, name: string, hostConfigOf: (id: string) => JsonObject): Container | null {
  const seen = new Set<Container>();
  for (let next = loaded(store, name); next !== null && !seen.has(next); ) {
    seen.add(next);
    const mode = String(hostConfigOf(next.id)["NetworkMode"] ?? "");
    if (mode === "host") return null;
    if (!mode.startsWith("container:")) return next;
    next = loaded(store, mode.slice("container:".length));
  }
  return null;
}

function loaded(store: Store, name: string): Container | null {
  try {
    const found = findContainer(store, name);
    return found?.mount ? found : null;
  } catch (thrown) {
    if (thrown instanceof OvlError && thrown.code === "AMBIGUOUS") return null;
    throw thrown;
  }
}

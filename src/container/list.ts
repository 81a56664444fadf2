/** The containers of a root as `docker ps` lists them. */
import type { CacheId, ImageId } from "../model/digest.js";
import { isJsonObject, type JsonObject } from "../model/go-shape.js";
import { formatRfc3339, parseRfc3339 } from "../model/time.js";
import type { Container } from "../store/mounts.js";
import { resolveImage } from "../store/resolve.js";
import type { Store } from "../store/store.js";
import type { StoreWarning } from "../store/warning.js";
import { damageOf } from "./damage.js";
import { labelOf } from "./label.js";
import { portsOf } from "./ports.js";
import { type ContainerState, stateOf } from "./state.js";

export interface ContainerSummary {
  readonly id: string;
  /** Without the slash that docker stores; empty where it has none. */
  readonly name: string;
  readonly imageId: ImageId | null;
  /** As it was called at creation, or the id where that name now means another image or none. */
  readonly image: string;
  /** Program and arguments in one line, as docker shows it. */
  readonly command: string;
  /** RFC 3339; null where the config does not say. */
  readonly created: string | null;
  readonly state: ContainerState["status"];
  readonly mountId: CacheId | null;
  readonly initId: CacheId | null;
  /** Absolute path of the directory of the read-write layer; null where there is none. */
  readonly dir: string | null;
}

export interface ListedContainer {
  readonly summary: ContainerSummary;
  readonly state: ContainerState;
  /** As docker shows them: `0.0.0.0:80->8080/tcp`. */
  readonly ports: string;
}

/** @param all stopped ones, too. Newest first. */
export function listContainers(
  store: Store,
  { all }: { readonly all: boolean },
): { containers: ListedContainer[]; warnings: StoreWarning[] } {
  const { containers, warnings: found } = store.users;
  const warnings = [...store.layout.warnings, ...store.repositories.warnings, ...found];
  const listed: ListedContainer[] = [];
  for (const container of containers) {
    const state = stateOf(container);
    const damage = damageOf(store, container);
    if (damage !== null) warnings.push({ code: "BAD_CONTAINER", subject: container.id, message: damage.message });
    if (state.stale) warnings.push(staleWarning(container));
    // dockerd does not list what has no read-write layer.
    if (container.mount === null || (!all && !container.running)) continue;
    listed.push({ summary: summaryOf(store, container, state), state, ports: portsOf(container.config) });
  }
  const times = new Map(listed.map((container) => [container, instant(container)]));
  const age = (container: ListedContainer) => times.get(container) as number;
  listed.sort((a, b) => age(b) - age(a) || (a.summary.id < b.summary.id ? -1 : 1));
  return { containers: listed, warnings };
}

function summaryOf(store: Store, container: Container, state: ContainerState): ContainerSummary {
  const { id, name, imageId, config, mount } = container;
  const created = typeof config["Created"] === "string" ? parseRfc3339(config["Created"]) : null;
  return {
    id,
    name,
    imageId,
    image: imageNameOf(store, container),
    command: commandOf(config),
    created: created === null ? null : formatRfc3339(created),
    state: state.status,
    mountId: mount?.mountId ?? null,
    initId: mount?.initId ?? null,
    dir: mount?.mountId ? store.driver.dir(mount.mountId) : null,
  };
}

function imageNameOf(store: Store, { config, imageId }: Container): string {
  const named = isJsonObject(config["Config"]) ? config["Config"]["Image"] : null;
  if (typeof named !== "string" || named === "") return imageId ?? "";
  if (imageId === null || named === imageId) return named;
  try {
    return resolveImage(store, named) === imageId ? named : imageId;
  } catch {
    return imageId;
  }
}

/** Arguments with a blank in them are quoted, and nothing is escaped: this is for reading. */
function commandOf(config: JsonObject): string {
  const path = typeof config["Path"] === "string" ? config["Path"] : "";
  const args = Array.isArray(config["Args"]) ? config["Args"].map(String) : [];
  return [path, ...args.map((arg) => (arg.includes(" ") ? `'${arg}'` : arg))].join(" ");
}

function staleWarning({ id, name }: Container): StoreWarning {
  const message = `${labelOf({ id, name })} is marked as running, but its process is gone: the daemon that ran it was killed, or the root was copied while it ran; the next dockerd notes that the container has exited`;
  return { code: "BAD_CONTAINER", subject: id, message };
}

function instant({ summary: { created } }: ListedContainer): number {
  const time = created === null ? null : parseRfc3339(created);
  return time === null ? -Infinity : time.sec + time.nsec / 1e9;
}

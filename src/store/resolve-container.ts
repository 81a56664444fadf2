/**
 * What a user calls a container, to the container: a full id, a name, or the beginning of an id, tried in this order.
 */
import { OvlError } from "../errors.js";
import type { Container } from "./mounts.js";
import type { Store } from "./store.js";

/** Candidates that an error lists, so that it stays a message. */
const MAX_CANDIDATES = 10;
/** Characters of an id from which it is worth saying what is wrong with a container that cannot be read. */
const TELLING = 4;

/** moby's RestrictedNamePattern. */
export const CONTAINER_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Throws NOT_FOUND, AMBIGUOUS with the candidates, PERMISSION where one that may not be read may be meant. */
export function resolveContainer(store: Store, text: string): Container {
  const found = findContainer(store, text);
  if (found !== null) return found;
  refuseUnread(store, text);
  throw new OvlError("NOT_FOUND", `no such container in ${store.root}: ${text}${damageOf(store, text)}`, {
    container: text,
    root: store.root,
  });
}

/**
 * For what means neither a container nor an image.
 * @param thrown by the search for the image
 * Throws it where it says something else than that, and PERMISSION where a container that may not be read may be meant.
 */
export function noContainerOrImage(store: Store, text: string, thrown: unknown): OvlError {
  if (!(thrown instanceof OvlError)) throw thrown;
  // No image is called `Web`, but a container may be.
  const isNoImageName = thrown.code === "USAGE" && CONTAINER_NAME.test(text);
  if (thrown.code !== "NOT_FOUND" && !isNoImageName) throw thrown;
  refuseUnread(store, text);
  const nothing = `no such container or image in ${store.root}: ${text}`;
  const message = isNoImageName ? nothing : thrown.message.replace("no such image", "no such container or image");
  return new OvlError("NOT_FOUND", `${message}${damageOf(store, text)}`, { image: text, root: store.root });
}

/** What is wrong with a container whose id begins so; empty where nothing is. */
function damageOf(store: Store, text: string): string {
  const damaged = store.users.warnings.find(({ subject }) => text.length >= TELLING && subject.startsWith(text));
  return damaged === undefined ? "" : `: ${damaged.message}`;
}

/**
 * For what no container that can be read is called: throws PERMISSION where there are others, whose names nobody knows.
 */
function refuseUnread(store: Store, text: string): void {
  const unread = store.users.warnings.filter(({ code }) => code === "UNREAD_CONTAINER");
  const meant = unread.find(({ subject }) => text.length >= TELLING && subject.startsWith(text)) ?? unread[0];
  if (meant === undefined) return;
  const message = `nobody can say whether ${text} is container ${meant.subject}: ${meant.message}; ask as the user who owns the root`;
  throw new OvlError("PERMISSION", message, { container: text, root: store.root });
}

/** null where there is no such container. Throws AMBIGUOUS. */
export function findContainer(store: Store, text: string): Container | null {
  const { containers } = store.users;
  const name = text.startsWith("/") ? text.slice(1) : text;
  if (name === "") return null;
  const named = containers.filter((container) => container.name === name);
  // Of one that dockerd does not list the name is free.
  const exact = containers.find(({ id }) => id === text) ?? named.find(({ mount }) => mount !== null) ?? named[0];
  if (exact !== undefined) return exact;
  const candidates = /^[0-9a-f]+$/.test(text) ? containers.filter(({ id }) => id.startsWith(text)) : [];
  if (candidates.length <= 1) return candidates[0] ?? null;
  const shown = candidates.slice(0, MAX_CANDIDATES).map(({ id }) => id);
  const more = candidates.length - shown.length;
  throw new OvlError(
    "AMBIGUOUS",
    `${text} is the beginning of ${candidates.length} container ids: ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`,
    { container: text, candidates: shown },
  );
}

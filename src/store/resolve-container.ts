/** What a user calls a container, to the container: a full id, a name, or the beginning of an id, tried in this order. */
import { OvlError } from "../errors.js";
import type { Container } from "./mounts.js";
import type { Store } from "./store.js";

/** Candidates that an error lists, so that it stays a message. */
const MAX_CANDIDATES = 10;

/** Throws NOT_FOUND, and AMBIGUOUS with the candidates. */
export function resolveContainer(store: Store, text: string): Container {
  const { containers } = store.users;
  const name = text.replace(/^\//, "");
  const exact = containers.find(({ id }) => id === text) ?? containers.find((container) => container.name === name);
  if (exact !== undefined && name !== "") return exact;
  const candidates = text === "" ? [] : containers.filter(({ id }) => id.startsWith(text));
  const [only, second] = candidates;
  if (only === undefined) {
    const message = `no such container in ${store.root}: ${text}`;
    throw new OvlError("NOT_FOUND", message, { container: text, root: store.root });
  }
  if (second === undefined) return only;
  const shown = candidates.slice(0, MAX_CANDIDATES).map(({ id }) => id);
  const more = candidates.length - shown.length;
  throw new OvlError(
    "AMBIGUOUS",
    `${text} is the beginning of ${candidates.length} container ids: ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`,
    { container: text, candidates: shown },
  );
}

/** What messages call a container. */
import type { Container } from "../store/mounts.js";

export function labelOf({ id, name }: Pick<Container, "id" | "name">): string {
  return `container ${name || id.slice(0, 12)}`;
}

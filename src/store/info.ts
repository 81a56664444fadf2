/** A root at a glance. */
import type { DriverName } from "../driver/driver.js";
import type { Store } from "./store.js";
import { readCatalog } from "./stored-image.js";

export interface RootInfo {
  readonly root: string;
  readonly kind: "absent" | "empty" | "docker";
  readonly driver: DriverName;
  /** How many of each dockerd would load. */
  readonly images: number;
  readonly layers: number;
  readonly containers: number;
  readonly daemonRunning: boolean;
}

export function rootInfo(store: Store): RootInfo {
  return {
    root: store.root,
    kind: store.kind,
    driver: store.driver.name,
    images: readCatalog(store).images.size,
    layers: store.layers.list().layers.length,
    containers: store.users.containers.filter(({ mount }) => mount !== null).length,
    daemonRunning: store.daemonRunning,
  };
}

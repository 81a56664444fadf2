/** A root at a glance. */
import type { DriverName } from "../driver/driver.js";
import type { Store } from "./store.js";

export interface RootInfo {
  readonly root: string;
  readonly kind: Store["kind"];
  readonly driver: DriverName;
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
    images: store.images.ids().length,
    layers: store.layers.list().layers.length,
    containers: store.users.containers.length,
    daemonRunning: store.daemonRunning,
  };
}

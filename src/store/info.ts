/** A root at a glance. */
import type { DriverName } from "../driver/driver.js";
import type { Store } from "./store.js";
import { readCatalog } from "./stored-image.js";
import type { StoreWarning } from "./warning.js";

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

/** @param warn gets what is damaged and not counted */
export function rootInfo(store: Store, warn: (warning: StoreWarning) => void = () => {}): RootInfo {
  const { images, warnings } = readCatalog(store);
  const layers = store.layers.list();
  for (const one of [...store.layout.warnings, ...warnings, ...layers.warnings, ...store.users.warnings]) warn(one);
  return {
    root: store.root,
    kind: store.kind,
    driver: store.driver.name,
    images: images.size,
    layers: layers.layers.length,
    containers: store.users.containers.filter(({ mount }) => mount !== null).length,
    daemonRunning: store.daemonRunning,
  };
}

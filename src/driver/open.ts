import type { Driver, DriverName } from "./driver.js";
import { Overlay } from "./overlay.js";
import { Overlay2 } from "./overlay2.js";

/** @param root absolute path of the docker root */
export function openDriver(name: DriverName, root: string): Driver {
  switch (name) {
    case "overlay2":
      return new Overlay2(root);
    case "overlay":
      return new Overlay(root);
  }
}

/** Options for mounting layers with the kernel's overlay filesystem, as dockerd 20.10 gives them. */
import { existsSync } from "node:fs";
import type { MountPlan } from "../driver/driver.js";
import { OvlError } from "../errors.js";
import { seesTrusted } from "../sys/privilege.js";

/** mount(2) takes a page, with the NUL at its end; no page of Linux is smaller. */
const MAX_OPTIONS = 4096 - 1;

export interface OverlayOptions {
  readonly text: string;
  /** Paths in it are relative to the driver's directory, since absolute ones would be too long. */
  readonly relative: boolean;
}

type Overlay = Extract<MountPlan, { kind: "overlay" }>;

/** @param home the driver's directory, absolute. Throws TOO_MANY_LAYERS for what fits in neither way. */
export function overlayOptions(plan: Overlay, home: string, features = kernelFeatures()): OverlayOptions {
  const absolute = optionText(plan, features, (path) => `${home}/${path}`);
  // Bytes that separate options and layers would have to be escaped, differently from kernel to kernel.
  if (!/[\\:,]/.test(home) && Buffer.byteLength(absolute) <= MAX_OPTIONS) return { text: absolute, relative: false };
  const relative = optionText(plan, features, (path) => path);
  if (Buffer.byteLength(relative) <= MAX_OPTIONS) return { text: relative, relative: true };
  throw new OvlError(
    "TOO_MANY_LAYERS",
    `${plan.lower.length} layers need ${Buffer.byteLength(relative)} bytes of mount options; the kernel takes ${MAX_OPTIONS}`,
    { layers: plan.lower.length, limit: MAX_OPTIONS },
  );
}

function optionText({ lower, upper }: Overlay, features: readonly string[], at: (path: string) => string): string {
  return [
    ...features,
    `lowerdir=${lower.map(at).join(":")}`,
    ...(upper === null ? [] : [`upperdir=${at(upper.dir)}`, `workdir=${at(upper.work)}`]),
  ].join(",");
}

/**
 * `index` would bind a layer to the file handles of those below it, which do not survive a copy of the root. Root of a
 * user namespace can mount overlays since Linux 5.11, with the attributes that it may set there.
 */
function kernelFeatures(): string[] {
  const index = existsSync("/sys/module/overlay/parameters/index");
  return [...(index ? ["index=off"] : []), ...(seesTrusted() ? [] : ["userxattr"])];
}

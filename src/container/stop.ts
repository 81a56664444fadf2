/** Ending what uses a container, as `docker rm --force` does: its processes, then its mounts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { layerMounts } from "../driver/layer-mounts.js";
import { mountedOn, mountsBelow } from "../driver/mounted.js";
import { OvlError, osError } from "../errors.js";
import type { Container } from "../store/mounts.js";
import { processLives } from "../store/process.js";
import type { Store } from "../store/store.js";
import { labelOf } from "./label.js";
import { stateOf } from "./state.js";
import { unmountAll } from "./umount.js";

/** Milliseconds that a killed process may take to go, and between two looks at it. */
const PATIENCE = 10_000;
const POLL = 20;

/** Shared memory and secrets; of an older docker `shm` lies beside them. */
const DOCKERS = /^(?:mounts\/[^/]+|shm)$/;

/**
 * Throws IN_USE where it is not certain that the process is the container's, or it does not go; and, before anything is
 * killed, where somebody has mounted something in the container's directories.
 */
export async function stopUse(store: Store, container: Container): Promise<void> {
  const mounts = mountsOf(store, container);
  if (container.running) await kill(container);
  unmountAll(store, mounts, true);
}

/** Views of the container's layer, wherever they are, and what docker mounts in the container's directory. */
function mountsOf(store: Store, { id, mount }: Container): { readonly point: string }[] {
  const directory = join(store.root, "containers", id);
  const views = layerMounts(store.driver).filter(({ cacheId }) => cacheId === mount?.mountId);
  const dockers = mountsBelow(directory).filter(({ path }) => DOCKERS.test(path));
  const own = [...dockers, ...views];
  const layers = [mount?.mountId, mount?.initId].flatMap((cacheId) => (cacheId ? [store.driver.dir(cacheId)] : []));
  for (const { point } of [directory, ...layers].flatMap(mountsBelow)) {
    if (!own.some((mounted) => mounted.point === point)) throw mountedOn(point);
  }
  return own;
}

/** The first process of a container takes the others of its namespace along. */
async function kill(container: Container): Promise<void> {
  const { id, name, config, mount } = container;
  const { pid } = stateOf(container);
  const who = labelOf({ id, name });
  const refuse = (why: string) =>
    new OvlError("IN_USE", `${who} is running and was not killed: ${why}`, { container: id, pid });
  if (pid <= 0 || mount?.mountId === null || mount === null) throw refuse("its process is not known");
  if (!livesIn(pid, mount.mountId))
    throw refuse(`process ${pid} does not live in its file system; stop it with docker`);
  try {
    process.kill(pid, "SIGKILL");
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? "EPERM";
    if (code !== "ESRCH") throw osError(code, `kill process ${pid} of ${who}`, { container: id, pid }, thrown);
  }
  for (const deadline = performance.now() + PATIENCE; processLives(config["State"]); await sleep(POLL)) {
    if (performance.now() > deadline) throw refuse(`process ${pid} does not end`);
  }
}

/** Whether a process sees the mount of the container's layer: a number alone may by now be somebody else's. */
function livesIn(pid: number, mountId: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/mountinfo`, "utf8").includes(`${mountId}/`);
  } catch {
    return false;
  }
}

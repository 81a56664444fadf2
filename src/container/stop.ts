/** Ending what uses a container, as `docker rm --force` does: its processes, then its mounts. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { layerMounts } from "../driver/layer-mounts.js";
import { OvlError, osError } from "../errors.js";
import type { Container } from "../store/mounts.js";
import { processLives } from "../store/process.js";
import type { Store } from "../store/store.js";
import { stateOf } from "./state.js";
import { unmountAll } from "./umount.js";

/** Milliseconds that a killed process may take to go, and between two looks at it. */
const PATIENCE = 10_000;
const POLL = 20;

/** Throws IN_USE where it is not certain that the process is the container's, or it does not go. */
export async function stopUse(store: Store, container: Container): Promise<void> {
  if (container.running) await kill(container);
  const mountId = container.mount?.mountId;
  const mounts = layerMounts(store.driver).filter(({ cacheId }) => cacheId === mountId);
  unmountAll(store, mounts, true);
}

/** The first process of a container takes the others of its namespace along. */
async function kill(container: Container): Promise<void> {
  const { id, name, config, mount } = container;
  const { pid } = stateOf(container);
  const who = `container ${name || id.slice(0, 12)}`;
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

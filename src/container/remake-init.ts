/** Making a container's init layer again, which holds nothing of the container's own. */
import { refuseRemapped } from "../driver/layer-ids.js";
import { OvlError } from "../errors.js";
import type { Container } from "../store/mounts.js";
import type { Store } from "../store/store.js";
import { isMachineRoot } from "../sys/privilege.js";
import { fillInitLayer } from "./init-layer.js";

/**
 * For a container whose init layer was lost, or is to be replaced. The container must not be mounted.
 * Throws BAD_ROOT where the layers that it stood on are gone, too, or the container does not say how it knew it.
 */
export function remakeInitLayer(store: Store, { id, mount }: Container): void {
  refuseRemapped(store.driver);
  const refuse = (why: string) => {
    return new OvlError("BAD_ROOT", `cannot make the init layer of container ${id} again: ${why}`, { container: id });
  };
  if (mount?.mountId == null || mount.initId == null) throw refuse("no file says what it was called");
  const stack = mount.parent === null ? [] : store.layers.stack(mount.parent);
  if (stack === null)
    throw refuse(`layer ${mount.parent} ${store.layers.problem(mount.parent as typeof mount.parent & string)}`);
  const dirs = stack.map(({ cacheId }) => store.driver.contentDir(cacheId)).reverse();
  store.driver.recreate(mount.initId, stack.at(-1)?.cacheId ?? null, mount.mountId, (content) =>
    fillInitLayer(content, dirs, isMachineRoot()),
  );
}

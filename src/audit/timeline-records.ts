/** What the metadata of a root dates: images and their steps, layers' arrival, containers' lives. */
import { join } from "node:path";
import { isDirectory } from "../driver/is-directory.js";
import { byteStringOf } from "../model/bytes.js";
import { type ChainId, chainIdsOf } from "../model/digest.js";
import { objectOf } from "../model/go-shape.js";
import type { Container } from "../store/mounts.js";
import type { Store } from "../store/store.js";
import type { StoredImage } from "../store/stored-image.js";
import { AT_FDCWD } from "../sys/at.js";
import { type Stat, statAt } from "../sys/stat.js";
import { type Dated, dated, timeOf } from "./timeline-event.js";

/** @param known layers that were told before; those of this image are added */
export function imageEvents(store: Store, { id, config }: StoredImage, known: Set<ChainId>): Dated[] {
  const events: Dated[] = [];
  const chain = chainIdsOf(config.diffIds);
  let index = 0;
  for (const { created, createdBy, emptyLayer } of config.history) {
    const chainId = emptyLayer ? null : (chain[index++] ?? null);
    const at = timeOf(created);
    // A layer that several images share was made once.
    if (at === null || (chainId !== null && known.has(chainId))) continue;
    events.push(dated(at, "layer-created", { image: id, chainId, detail: createdBy }));
  }
  for (const chainId of chain) {
    if (known.has(chainId)) continue;
    known.add(chainId);
    const stat = storedStat(store, chainId);
    if (stat !== null) events.push(dated(stat.mtime, "layer-stored", { image: id, chainId }));
  }
  const made = timeOf(config.created);
  if (made !== null) events.push(dated(made, "image-created", { image: id }));
  const tagged = timeOf(store.images.lastUpdated(id));
  if (tagged !== null) events.push(dated(tagged, "image-tagged", { image: id }));
  return events;
}

/** Of what is written last of a layer's entry; null where there is none. */
function storedStat(store: Store, chainId: ChainId): Stat | null {
  const dir = store.layers.dir(chainId);
  if (store.layout.obstacleTo(dir) !== null || !isDirectory(dir)) return null;
  const stat = statAt(AT_FDCWD, byteStringOf(join(dir, "cache-id")));
  return typeof stat === "number" ? null : stat;
}

export function containerEvents({ id, name, imageId, config }: Container): Dated[] {
  const state = objectOf(config["State"]);
  const fields = { container: id, image: imageId };
  const moments = [
    [config["Created"], "container-created", name],
    [state["StartedAt"], "container-started", name],
    [state["FinishedAt"], "container-finished", ending(state["ExitCode"])],
  ] as const;
  return moments.flatMap(([text, kind, detail]) => {
    const at = timeOf(text);
    return at === null ? [] : [dated(at, kind, { ...fields, detail })];
  });
}

function ending(exitCode: unknown): string {
  return typeof exitCode === "number" ? `exit status ${exitCode}` : "";
}

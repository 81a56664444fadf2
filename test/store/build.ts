/** Images put into a store without a source: layers of one file each, with a tar-split that says nothing wrong. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type ChainId, chainIdOf, type DiffId, type ImageId, sha256 } from "../../src/model/digest.js";
import type { Store } from "../../src/store/store.js";

export interface Built {
  readonly id: ImageId;
  readonly chain: readonly ChainId[];
}

/** @param layers a text a layer, bottom to top; equal stacks share their layers */
export function addImage(
  store: Store,
  layers: readonly string[],
  options: { names?: readonly string[]; config?: Record<string, unknown>; parent?: ImageId } = {},
): Built {
  const chain: ChainId[] = [];
  const diffIds: DiffId[] = [];
  for (const text of layers) {
    const diffId = sha256(text) as string as DiffId;
    const parent = chain.at(-1) ?? null;
    diffIds.push(diffId);
    chain.push(chainIdOf(parent, diffId));
    addLayer(store, text, parent);
  }
  const config = {
    architecture: "amd64",
    os: "linux",
    created: "2020-02-02T02:02:02Z",
    rootfs: { type: "layers", diff_ids: diffIds },
    ...options.config,
  };
  const id = store.images.put(Buffer.from(JSON.stringify(config)), options.parent ?? null);
  store.repositories.update((names) => {
    for (const name of options.names ?? []) names.tag(name, id);
  });
  return { id, chain };
}

export function addLayer(store: Store, text: string, parent: ChainId | null): ChainId {
  const diffId = sha256(text) as string as DiffId;
  const known = store.layers.get(chainIdOf(parent, diffId));
  if (known !== null) return known.chainId;
  using layer = store.layers.begin(parent === null ? null : (store.layers.get(parent)?.cacheId ?? null));
  writeFileSync(join(layer.contentDir, "file"), text);
  writeFileSync(layer.tarSplitPath, gzipSync('{"type":2,"payload":"","position":0}\n'));
  return layer.commit({ diffId, parent, size: Buffer.byteLength(text) }).chainId;
}

/** A root with one small image, and the options that nobody gave. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { CreateOptions } from "../../src/container/create.js";
import { type ChainId, type DiffId, type ImageId, sha256 } from "../../src/model/digest.js";
import { openStore, type Store } from "../../src/store/store.js";
import { addImage } from "../store/build.js";
import type { Scratch } from "../support/tmp.js";

export const RUN = { config: { Env: ["PATH=/bin", "A=1"], Cmd: ["/bin/sh", "-c", "sleep 1"] } };

export const NOTHING: CreateOptions = {
  name: null,
  command: [],
  env: [],
  workingDir: null,
  entrypoint: null,
  hostname: null,
  labels: new Map(),
};

export function withName(name: string, options: Partial<CreateOptions> = {}): CreateOptions {
  return { ...NOTHING, ...options, name };
}

/** Opened for writing; `app:1` has two layers. */
export async function rootWithImage(work: Scratch, config: Record<string, unknown> = RUN): Promise<Store> {
  const store = await openStore({ root: work.join("root"), driver: null }, "write");
  addImage(store, ["base", "top"], { names: ["app:1"], config });
  return store;
}

/** What a layer may hold: a directory, a symlink or a file, by path. Directories come before what is in them. */
export type Content = Readonly<Record<string, { readonly dir: number } | { readonly link: string } | string>>;

/** An image of one layer with this content. */
export function addContentImage(
  store: Store,
  name: string,
  content: Content,
  config: Record<string, unknown> = RUN,
): ImageId {
  using layer = store.layers.begin(null);
  let size = 0;
  for (const [path, what] of Object.entries(content)) {
    const at = join(layer.contentDir, path);
    if (typeof what === "string") {
      writeFileSync(at, what);
      size += what.length;
    } else if ("link" in what) {
      symlinkSync(what.link, at);
      size += what.link.length;
    } else {
      mkdirSync(at);
      chmodSync(at, what.dir);
    }
  }
  writeFileSync(layer.tarSplitPath, gzipSync('{"type":2,"payload":"","position":0}\n'));
  const diffId = sha256(`content of ${name}`) as string as DiffId;
  layer.commit({ diffId, parent: null as ChainId | null, size });
  const document = { architecture: "", os: "linux", rootfs: { type: "layers", diff_ids: [diffId] }, ...config };
  const id = store.images.put(Buffer.from(JSON.stringify(document)), null);
  store.repositories.update((names) => names.tag(name, id));
  return id;
}

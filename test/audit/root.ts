/** A root with what fsck is about: images that share layers, one built on another, and a container. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createContainer } from "../../src/container/create.js";
import type { CacheId, ChainId, ImageId } from "../../src/model/digest.js";
import { hexOf } from "../../src/model/digest.js";
import { imageChain } from "../../src/store/chain.js";
import { openStore } from "../../src/store/store.js";
import { addImage } from "../store/build.js";

/** Where the parts of one layer lie. */
export interface LayerPaths {
  readonly chainId: ChainId;
  readonly cacheId: CacheId;
  readonly link: string;
  /** `layerdb/sha256/<chain>` */
  readonly db: string;
  /** `overlay2/<cache-id>` */
  readonly dir: string;
}

export interface FsckRoot {
  readonly path: string;
  /** ROOT/image/overlay2 */
  readonly image: string;
  readonly overlay2: string;
  /** Bottom to top, those of the image that the container was made from. */
  readonly layers: readonly LayerPaths[];
  readonly base: LayerPaths;
  /** It has layers below and above. */
  readonly layer: LayerPaths;
  readonly below: LayerPaths;
  readonly above: LayerPaths;
  readonly top: LayerPaths;
  readonly imageId: ImageId;
  readonly content: string;
  /** `imagedb/metadata/sha256/<id>` of an image with a parent that is there, and a time. */
  readonly metadata: string;
  readonly names: string;
  readonly container: string;
  /** `containers/<id>/config.v2.json` */
  readonly config: string;
  /** `containers/<id>/hostconfig.json` */
  readonly hostConfig: string;
  /** `layerdb/mounts/<id>` */
  readonly mount: string;
  readonly rw: string;
  readonly init: string;
}

export const APP = "fsck/app:1";

/** @param path of a root that `buildRoot` made, or dockerd with an image and a container of the same kind */
export async function examine(path: string): Promise<FsckRoot> {
  await using store = await openStore({ root: path, driver: null });
  const imageId = store.repositories.list().find(({ reference }) => reference.path === "fsck/app")?.id as ImageId;
  const layers = imageChain(store, imageId).layers.map(({ chainId, cacheId, link }): LayerPaths => {
    if (cacheId === null || link === null) throw new Error(`layer ${chainId} is not in order`);
    return { chainId, cacheId, link, db: store.layers.dir(chainId), dir: store.driver.dir(cacheId) };
  });
  const image = join(path, "image/overlay2");
  const at = (i: number) => layers.at(i) as LayerPaths;
  const metadata = join(image, "imagedb/metadata/sha256");
  const child = readdirSync(metadata).find((name) => readdirSync(join(metadata, name)).length === 2);
  if (layers.length < 4 || child === undefined) throw new Error("not a root for these tests");
  const container = store.users.containers.find((one) => one.imageId === imageId)?.id as string;
  const mount = join(image, "layerdb/mounts", container);
  const mountId = readFileSync(join(mount, "mount-id"), "utf8");
  return {
    path,
    image,
    overlay2: join(path, "overlay2"),
    layers,
    base: at(0),
    below: at(1),
    layer: at(2),
    above: at(3),
    top: at(-1),
    imageId,
    content: join(image, "imagedb/content/sha256", hexOf(imageId)),
    metadata: join(metadata, child),
    names: join(image, "repositories.json"),
    container,
    config: join(path, "containers", container, "config.v2.json"),
    hostConfig: join(path, "containers", container, "hostconfig.json"),
    mount,
    rw: join(path, "overlay2", mountId),
    init: join(path, "overlay2", `${mountId}-init`),
  };
}

export async function buildRoot(path: string): Promise<void> {
  await using store = await openStore({ root: path, driver: null }, "write");
  const { id } = addImage(store, ["base", "one", "two", "three"], { names: [APP, "fsck/app:2"] });
  const child = addImage(store, ["base", "one", "two", "three", "four"], { names: ["child:1"], parent: id });
  store.images.setLastUpdated(child.id, "2026-11-23T06:19:21.81933007Z");
  addImage(store, ["base", "other"], { names: ["registry.example.com:5000/team/other:2"] });
  const { id: container } = await createContainer(store, APP, {
    name: "web",
    command: ["/bin/sh"],
    env: [],
    workingDir: null,
    entrypoint: null,
    hostname: null,
    labels: new Map(),
  });
  const mountId = readFileSync(join(store.layers.path, "mounts", container, "mount-id"), "utf8");
  writeFileSync(join(path, "overlay2", mountId, "diff/written"), "by the container");
}

/** A root with containers that may be taken for each other: two on images with layers in common, one on their base. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createContainer } from "../../src/container/create.js";
import { type ChainId, hexOf } from "../../src/model/digest.js";
import { openStore } from "../../src/store/store.js";
import { addImage } from "../store/build.js";

export interface ContainerPaths {
  readonly id: string;
  /** `layerdb/mounts/<id>` */
  readonly mount: string;
  /** `containers/<id>/config.v2.json` */
  readonly config: string;
  /** What `mount-id` says. */
  readonly mountId: string;
  /** The directories of its read-write and its init layer. */
  readonly rw: string;
  readonly init: string;
}

export interface ImagePaths {
  readonly id: string;
  readonly top: ChainId;
  /** `layerdb/sha256/<chain>` of its layers, bottom to top. */
  readonly layers: readonly string[];
}

export interface ContainerRoot {
  readonly path: string;
  readonly overlay2: string;
  readonly mounts: string;
  /** Of app:1. */
  readonly web: ContainerPaths;
  /** Of app:2. */
  readonly job: ContainerPaths;
  /** Of base:1. */
  readonly plain: ContainerPaths;
  readonly app1: ImagePaths;
  readonly app2: ImagePaths;
}

const NOTHING = { env: [], workingDir: null, entrypoint: null, hostname: null, labels: new Map<string, string>() };

export async function containerRoot(path: string): Promise<ContainerRoot> {
  await using store = await openStore({ root: path, driver: null }, "write");
  const overlay2 = join(path, "overlay2");
  const mounts = join(store.layers.path, "mounts");
  const image = (name: string, layers: readonly string[]): ImagePaths => {
    const { id, chain } = addImage(store, layers, { names: [name] });
    return {
      id,
      top: chain.at(-1) as ChainId,
      layers: chain.map((one) => join(store.layers.path, "sha256", hexOf(one))),
    };
  };
  const app1 = image("app:1", ["base", "one", "two"]);
  const app2 = image("app:2", ["base", "one", "three"]);
  image("base:1", ["base"]);
  const container = async (name: string, from: string): Promise<ContainerPaths> => {
    const { id } = await createContainer(store, from, { name, command: ["/bin/sh"], ...NOTHING });
    const mount = join(mounts, id);
    const mountId = readFileSync(join(mount, "mount-id"), "utf8");
    const rw = join(overlay2, mountId);
    writeFileSync(join(rw, "diff/written"), `by ${name}`);
    return { id, mount, config: join(path, "containers", id, "config.v2.json"), mountId, rw, init: `${rw}-init` };
  };
  const web = await container("web", "app:1");
  const job = await container("job", "app:2");
  const plain = await container("plain", "base:1");
  return { path, overlay2, mounts, web, job, plain, app1, app2 };
}

/** The same paths in a copy. */
export function moved(root: ContainerRoot, to: string): ContainerRoot {
  return JSON.parse(JSON.stringify(root).replaceAll(root.path, to)) as ContainerRoot;
}

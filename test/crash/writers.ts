/**
 * What each writing command does in the library, between opening the root and closing it. Modules are loaded by the
 * command that needs them, as the command line does: a process that is to be killed should not take long to start.
 */
import type { CreateOptions } from "../../src/container/create.js";
import type { OvlError } from "../../src/errors.js";
import { openStore } from "../../src/store/store.js";

export type Writer = (root: string, ...args: string[]) => Promise<void>;

const CREATED = "2024-05-06T07:08:09Z";
const RUN: Omit<CreateOptions, "name"> = {
  command: [],
  env: [],
  workingDir: null,
  entrypoint: null,
  hostname: null,
  labels: new Map(),
};

const open = (root: string) => openStore({ root, driver: null }, "write");

export const WRITERS = {
  pull: async (root, archive = "") => {
    const { openSource } = await import("../../src/source/open-source.js");
    const { pull } = await import("../../src/store/pull.js");
    const { source, name } = await openSource(archive);
    await using from = source;
    const images = await from.images({ name, platform: null });
    await using store = await open(root);
    await pull(store, images, { tags: [], expect: null, strict: false, jobs: 2 });
  },
  import: async (root, tar = "", name = "") => {
    const { openRootfs } = await import("../../src/source/rootfs-file.js");
    const { importRootfs } = await import("../../src/store/import.js");
    const { hostPlatform } = await import("../../src/model/platform.js");
    using rootfs = await openRootfs(tar);
    await using store = await open(root);
    const image = { platform: hostPlatform(), created: CREATED, message: "", config: {} };
    await importRootfs(store, rootfs, { name, ...image });
  },
  tag: async (root, image = "", name = "") => {
    const { resolveImage } = await import("../../src/store/resolve.js");
    const { tagImage } = await import("../../src/store/tag.js");
    await using store = await open(root);
    tagImage(store, resolveImage(store, image), name);
  },
  rmi: async (root, ...images) => {
    const { removeImages } = await import("../../src/store/remove.js");
    await using store = await open(root);
    throwFirst(removeImages(store, images, { force: true }).failures);
  },
  prune: async (root) => {
    const { pruneImages } = await import("../../src/store/prune.js");
    await using store = await open(root);
    pruneImages(store, { all: true });
  },
  create: async (root, image = "", name = "") => {
    const { createContainer } = await import("../../src/container/create.js");
    await using store = await open(root);
    await createContainer(store, image, { ...RUN, name });
  },
  rm: async (root, container = "", volumes = "") => {
    const { removeContainers } = await import("../../src/container/remove.js");
    await using store = await open(root);
    throwFirst((await removeContainers(store, [container], { volumes: volumes !== "" })).failures);
  },
  commit: async (root, container = "", name = "") => {
    const { commitContainer } = await import("../../src/container/commit.js");
    await using store = await open(root);
    await commitContainer(store, container, { name, author: "", comment: "", changes: [], created: CREATED });
  },
  cp: async (root, from = "", to = "") => {
    const { copyIn } = await import("../../src/container/copy.js");
    const { copyEnd } = await import("../../src/container/copy-paths.js");
    await using store = await open(root);
    const target = copyEnd(to);
    if (target.kind !== "container") throw new Error(`${to} is in no container`);
    const source = copyEnd(from);
    if (source.kind === "container") throw new Error(`${from} is in a container`);
    await copyIn(store, source, target, null, { follows: false, keepsOwners: true });
  },
  mount: async (root, container = "") => {
    const { mountContainer } = await import("../../src/container/mount.js");
    const { resolveContainer } = await import("../../src/store/resolve-container.js");
    await using store = await open(root);
    await mountContainer(store, resolveContainer(store, container), { dir: null, readOnly: false, place: "merged" });
  },
  umount: async (root, container = "") => {
    const { mountsOf, unmountAll } = await import("../../src/container/umount.js");
    await using store = await open(root);
    unmountAll(store, mountsOf(store, container), false);
  },
  fsck: async (root) => {
    const { fsckRepair } = await import("../../src/audit/fsck-run.js");
    throwFirst((await fsckRepair({ root, driver: null }, { deep: false, jobs: 1 })).failures);
  },
} satisfies Record<string, Writer>;

function throwFirst([failure]: readonly OvlError[]): void {
  if (failure !== undefined) throw failure;
}

/** Every question about a root, asked in this process: what each answers, and what it says is wrong. */
import { rootUse } from "../../src/audit/du.js";
import { findOwners } from "../../src/audit/owner.js";
import { Timeline } from "../../src/audit/timeline.js";
import { wasteOf } from "../../src/audit/waste.js";
import { listStored } from "../../src/audit/waste-stored.js";
import { changesFrom, containerChanges } from "../../src/container/changes-of.js";
import { inspectContainer } from "../../src/container/inspect.js";
import { listContainers } from "../../src/container/list.js";
import { listFiles } from "../../src/rootfs/files.js";
import { openRootfs, openSingleLayer } from "../../src/rootfs/open.js";
import { tarOf } from "../../src/rootfs/tar.js";
import { which } from "../../src/rootfs/which.js";
import { imageChain } from "../../src/store/chain.js";
import { imageHistory } from "../../src/store/history.js";
import { listImages } from "../../src/store/images.js";
import { rootInfo } from "../../src/store/info.js";
import { inspectImage } from "../../src/store/inspect.js";
import { resolveImage } from "../../src/store/resolve.js";
import { resolveContainer } from "../../src/store/resolve-container.js";
import type { Store } from "../../src/store/store.js";

export interface Answer {
  readonly answer: unknown;
  readonly warnings: readonly { readonly message: string }[];
}

type Ask = (store: Store, target: string) => Answer | Promise<Answer>;

/** About the whole root: whatever of it is damaged, the rest is answered. */
export const WHOLE = {
  info: (store) => {
    const warnings: { message: string }[] = [];
    return { answer: rootInfo(store, (warning) => warnings.push(warning)), warnings };
  },
  images: (store) => {
    const { images, warnings } = listImages(store, { all: true });
    return { answer: images, warnings };
  },
  ps: (store) => {
    const { containers, warnings } = listContainers(store, { all: true });
    return { answer: containers.map(({ summary }) => summary), warnings };
  },
  du: (store) => {
    const { use, warnings } = rootUse(store);
    return { answer: use, warnings };
  },
  "du --metadata": (store) => {
    const { use, warnings } = rootUse(store, true);
    return { answer: use, warnings };
  },
  "timeline --all": (store) => {
    const timeline = new Timeline(store, null);
    return { answer: timeline.events(), warnings: timeline.warnings };
  },
} as const satisfies Record<string, Ask>;

/** About an image or a container, which may be what is damaged. */
export const OF_ONE = {
  owner: (store, target) => {
    const { owners, missing } = findOwners(store, [target]);
    return { answer: owners, warnings: missing === null ? [] : [missing] };
  },
  timeline: (store, target) => {
    const timeline = new Timeline(store, target);
    return { answer: timeline.events(), warnings: timeline.warnings };
  },
  which: (store, target) => {
    using opened = openRootfs(store, target);
    const { union, layers } = opened;
    const answer = which(union, layers, (layer) => openSingleLayer(store, layer), "d/kept");
    return { answer, warnings: union.warnings };
  },
  files: (store, target) => {
    using opened = openRootfs(store, target);
    const { union, layers } = opened;
    return { answer: [...listFiles(union, layers, "/")], warnings: union.warnings };
  },
  export: (store, target) => {
    using opened = openRootfs(store, target);
    let bytes = 0;
    for (const piece of tarOf(opened.union)) bytes += piece.length;
    return { answer: bytes, warnings: opened.union.warnings };
  },
} as const satisfies Record<string, Ask>;

export const OF_IMAGE = {
  inspect: (store, target) => {
    const { inspect, warnings } = inspectImage(store, resolveImage(store, target));
    return { answer: inspect, warnings };
  },
  history: (store, target) => {
    const { history, warnings } = imageHistory(store, resolveImage(store, target));
    return { answer: history, warnings };
  },
  chain: (store, target) => {
    const { layers, warnings } = imageChain(store, resolveImage(store, target));
    return { answer: layers, warnings };
  },
  waste: (store, target) => {
    const { layers, warnings } = listStored(store, resolveImage(store, target));
    return { answer: wasteOf(layers), warnings };
  },
  diff: async (store, target) => {
    const { changes, warnings } = await changesFrom(store, target, "whole:1", undefined);
    return { answer: changes, warnings };
  },
} as const satisfies Record<string, Ask>;

export const OF_CONTAINER = {
  inspect: (store, target) => {
    const { inspect, warnings } = inspectContainer(store, resolveContainer(store, target));
    return { answer: inspect, warnings };
  },
  diff: async (store, target) => {
    const { changes, warnings } = await containerChanges(store, target, undefined);
    return { answer: changes, warnings };
  },
} as const satisfies Record<string, Ask>;

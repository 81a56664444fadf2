/**
 * Whether two docker roots (overlay2) hold the same, as far as anything that reads them could tell. Layers are
 * matched by ChainID. Nothing is excused: the only freedom is that what is "now" in the one must be "now" in
 * the other.
 */
import { compareTrees, type Window } from "./compare-trees.js";
import { type DockerRoot, type Layer, readDockerRoot } from "./docker-root.js";

export interface RootView {
  readonly path: string;
  /** When the root was written; from before the first command to after the last. */
  readonly now: Window;
}

export interface Comparison {
  /** Differences that belong to no layer and no image: the skeleton, repositories.json, leftovers. */
  readonly store: readonly string[];
  /** By image id and by ChainID, hex; an empty list where both roots have the same. */
  readonly images: ReadonlyMap<string, readonly string[]>;
  readonly layers: ReadonlyMap<string, readonly string[]>;
}

export function compareRoots(expected: RootView, found: RootView): Comparison {
  const want = readDockerRoot(expected.path);
  const have = readDockerRoot(found.path);
  return {
    store: compareStores(want, have, expected.now, found.now),
    images: compareMaps(want.images, have.images, (a, b) => compareTrees(a, b, expected.now, found.now)),
    layers: compareMaps(want.layers, have.layers, (a, b) => compareLayers(a, b, expected.now, found.now)),
  };
}

/** All differences in one list. */
export function allDifferences({ store, images, layers }: Comparison): string[] {
  const list = [...store];
  for (const [id, texts] of images) list.push(...texts.map((text) => `image ${id.slice(0, 12)}: ${text}`));
  for (const [id, texts] of layers) list.push(...texts.map((text) => `layer ${id.slice(0, 12)}: ${text}`));
  return list;
}

function compareStores(want: DockerRoot, have: DockerRoot, wantNow: Window, haveNow: Window): string[] {
  return [
    ...compareTrees(want.skeleton, have.skeleton, wantNow, haveNow),
    ...compareText("repositories.json", want.repositories, have.repositories),
    ...want.problems.map((text) => `expected root: ${text}`),
    ...have.problems.map((text) => `found root: ${text}`),
  ];
}

function compareLayers(want: Layer, have: Layer, wantNow: Window, haveNow: Window): string[] {
  const differences = [
    ...compareTrees(want.metadata, have.metadata, wantNow, haveNow).map((text) => `layerdb ${text}`),
    ...compareTrees(want.directory, have.directory, wantNow, haveNow).map((text) => `overlay2 ${text}`),
    ...compareTrees(want.diff, have.diff, wantNow, haveNow).map((text) => `diff/${text}`),
    ...compareText("lower", want.lower.join("\n"), have.lower.join("\n")),
    ...compareLists("tar-split", want.tarSplit, have.tarSplit),
  ];
  for (const name of new Set([...want.texts.keys(), ...have.texts.keys()])) {
    differences.push(...compareText(`layerdb ${name}`, want.texts.get(name), have.texts.get(name)));
  }
  return differences;
}

function compareText(what: string, want: string | undefined, have: string | undefined): string[] {
  return want === have ? [] : [`${what}: expected ${JSON.stringify(want)}, found ${JSON.stringify(have)}`];
}

function compareLists(what: string, want: readonly string[], have: readonly string[]): string[] {
  const at = want.findIndex((line, index) => line !== have[index]);
  if (at < 0 && want.length === have.length) return [];
  const index = at < 0 ? want.length : at;
  const cut = (line: string | undefined) => (line === undefined ? "(the end)" : line.slice(0, 300));
  return [`${what} entry ${index}: expected ${cut(want[index])}, found ${cut(have[index])}`];
}

function compareMaps<V>(
  want: ReadonlyMap<string, V>,
  have: ReadonlyMap<string, V>,
  compare: (want: V, have: V) => string[],
): Map<string, string[]> {
  const result = new Map<string, string[]>();
  for (const key of new Set([...want.keys(), ...have.keys()])) {
    const [a, b] = [want.get(key), have.get(key)];
    if (a === undefined) result.set(key, ["not expected, found"]);
    else if (b === undefined) result.set(key, ["expected, not found"]);
    else result.set(key, compare(a, b));
  }
  return result;
}

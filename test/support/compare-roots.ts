/**
 * Whether two docker roots (overlay2) hold the same, as far as anything that reads them could tell. Layers are
 * matched by ChainID; random names (cache ids, link ids) are replaced by the ChainID before comparing.
 * Nothing is excused: the only freedom is that what is "now" in the one must be "now" in the other.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { compareTrees, type Window } from "./compare-trees.js";
import { readTree, type Tree, type TreeNode } from "./tree.js";

export interface RootView {
  readonly path: string;
  /** When the root was written; from before the first command to after the last. */
  readonly now: Window;
}

export interface Comparison {
  /** Differences that belong to no layer and no image: the skeleton, repositories.json, leftovers. */
  readonly store: readonly string[];
  readonly images: ReadonlyMap<string, readonly string[]>;
  readonly layers: ReadonlyMap<string, readonly string[]>;
}

/** All differences in one list. */
export function allDifferences({ store, images, layers }: Comparison): string[] {
  const list = [...store];
  for (const [id, texts] of images) list.push(...texts.map((text) => `image ${id.slice(0, 12)}: ${text}`));
  for (const [id, texts] of layers) list.push(...texts.map((text) => `layer ${id.slice(0, 12)}: ${text}`));
  return list;
}

export function compareRoots(expected: RootView, found: RootView): Comparison {
  const want = readRoot(expected.path);
  const have = readRoot(found.path);
  const store = [
    ...compareTrees(want.skeleton, have.skeleton, expected.now, found.now),
    ...compareText("repositories.json", want.repositories, have.repositories),
    ...want.problems.map((text) => `expected root: ${text}`),
    ...have.problems.map((text) => `found root: ${text}`),
  ];
  return {
    store,
    images: compareMaps(want.images, have.images, (a, b) => compareTrees(a, b, expected.now, found.now)),
    layers: compareMaps(want.layers, have.layers, (a, b) => compareLayers(a, b, expected, found)),
  };
}

interface Layer {
  /** `layerdb/sha256/<chain>`: names and permissions of its files; contents apart. */
  readonly metadata: Tree;
  readonly texts: ReadonlyMap<string, string>;
  readonly tarSplit: readonly string[];
  /** `overlay2/<cache-id>` without what is below `diff`. */
  readonly directory: Tree;
  /** ChainIDs of the layers below, topmost first, read from `lower` through `l/`. */
  readonly lower: readonly string[];
  readonly diff: Tree;
}

interface Root {
  readonly skeleton: Tree;
  readonly repositories: string;
  readonly images: ReadonlyMap<string, Tree>;
  readonly layers: ReadonlyMap<string, Layer>;
  readonly problems: readonly string[];
}

/** Files whose content is random or compared in another way; their size follows from it. */
const OPAQUE = new Set(["cache-id", "link", "lower", "tar-split.json.gz"]);

function readRoot(root: string): Root {
  const image = join(root, "image/overlay2");
  const overlay = join(root, "overlay2");
  const problems: string[] = [];
  const chains = names(join(image, "layerdb/sha256"));
  const cacheIds = new Map(chains.map((chain) => [text(join(image, "layerdb/sha256", chain, "cache-id")), chain]));
  const links = readLinks(overlay, cacheIds, problems);
  const layers = new Map<string, Layer>();
  for (const [cacheId, chain] of cacheIds) {
    layers.set(chain, readLayer(image, overlay, cacheId, chain, links, problems));
  }
  for (const name of names(overlay)) {
    if (name !== "l" && !cacheIds.has(name)) problems.push(`overlay2/${name} belongs to no layer`);
  }
  const imageIds = names(join(image, "imagedb/content/sha256"));
  for (const id of names(join(image, "imagedb/metadata/sha256"))) {
    if (!imageIds.includes(id)) problems.push(`imagedb/metadata/sha256/${id} belongs to no image`);
  }
  const repositories = join(image, "repositories.json");
  return {
    skeleton: readSkeleton(root),
    repositories: existsSync(repositories) ? text(repositories) : "(no file)",
    images: new Map(imageIds.map((id) => [id, readImage(image, id)])),
    layers,
    problems,
  };
}

/** Store directories with their permissions, and everything in places where nothing should be left. */
function readSkeleton(root: string): Tree {
  const stopAt = /^(image\/overlay2\/(imagedb\/(content|metadata)\/sha256|layerdb\/sha256)|overlay2(\/l)?)$/;
  const tree = new Map<string, TreeNode>();
  for (const top of ["image", "overlay2"]) {
    const found = readTree(join(root, top), { prune: (path) => stopAt.test(path === "." ? top : `${top}/${path}`) });
    for (const [path, node] of found) tree.set(path === "." ? top : `${top}/${path}`, timeless(node));
  }
  const l = readTree(join(root, "overlay2/l"), { prune: () => true });
  for (const node of l.values()) tree.set("overlay2/l", timeless(node));
  // Compared byte for byte beside this tree, with a better message.
  const repositories = tree.get("image/overlay2/repositories.json");
  if (repositories) tree.set("image/overlay2/repositories.json", { ...repositories, content: null, size: null });
  return tree;
}

/** The store's own files and directories have the times they were written at, which nobody reads. */
function timeless(node: TreeNode): TreeNode {
  return { ...node, mtimeNs: 0n };
}

function readImage(image: string, id: string): Tree {
  const tree = new Map<string, TreeNode>();
  for (const [, node] of readTree(join(image, "imagedb/content/sha256", id))) tree.set("config", timeless(node));
  const metadata = join(image, "imagedb/metadata/sha256", id);
  if (existsSync(metadata)) {
    for (const [path, node] of readTree(metadata)) tree.set(`metadata/${path}`, timeless(node));
  }
  return tree;
}

function readLinks(overlay: string, cacheIds: Map<string, string>, problems: string[]): Map<string, string> {
  const links = new Map<string, string>();
  for (const name of names(join(overlay, "l"))) {
    const target = readlinkSync(join(overlay, "l", name));
    const chain = cacheIds.get(/^\.\.\/([^/]+)\/diff$/.exec(target)?.[1] ?? "");
    if (!/^[A-Z2-7]{26}$/.test(name)) problems.push(`overlay2/l/${name} is no link id`);
    if (chain === undefined) problems.push(`overlay2/l/${name} -> ${target} leads to no layer`);
    else if ([...links.values()].includes(chain)) problems.push(`overlay2/l/${name} is a second link to ${chain}`);
    else links.set(name, chain);
  }
  return links;
}

function readLayer(
  image: string,
  overlay: string,
  cacheId: string,
  chain: string,
  links: ReadonlyMap<string, string>,
  problems: string[],
): Layer {
  const dir = join(overlay, cacheId);
  const metadataDir = join(image, "layerdb/sha256", chain);
  const metadata = stripOpaque(readTree(metadataDir));
  const directory = stripOpaque(readTree(dir, { prune: (path) => path === "diff" }));
  const link = text(join(dir, "link"));
  if (links.get(link) !== chain) problems.push(`overlay2/${cacheId}/link names ${link}, which is not its link`);
  if (!/^[0-9a-f]{64}$/.test(cacheId)) problems.push(`cache id ${cacheId} is not 64 hex digits`);
  const texts = names(metadataDir).filter((name) => !OPAQUE.has(name));
  return {
    metadata,
    texts: new Map(texts.map((name) => [name, text(join(metadataDir, name))])),
    tarSplit: decodeTarSplit(readFileSync(join(metadataDir, "tar-split.json.gz"))),
    directory: new Map([...directory].filter(([path]) => !path.startsWith("diff"))),
    lower: existsSync(join(dir, "lower"))
      ? text(join(dir, "lower"))
          .split(":")
          .map((part) => links.get(part.replace(/^l\//, "")) ?? `unknown ${part}`)
      : [],
    diff: readTree(join(dir, "diff")),
  };
}

function stripOpaque(tree: Tree): Tree {
  return new Map(
    [...tree].map(([path, node]) => [
      path,
      OPAQUE.has(path) ? { ...timeless(node), content: null, size: null } : timeless(node),
    ]),
  );
}

/**
 * The lines of a tar-split file, with neighbouring segments joined: where they are cut depends on buffer sizes,
 * and nothing that reads the file can tell.
 */
export function decodeTarSplit(bytes: Uint8Array): string[] {
  const lines = gunzipSync(bytes).toString("utf8").split("\n");
  const entries: string[] = [];
  let segment: Buffer[] = [];
  const flush = () => {
    const joined = Buffer.concat(segment);
    if (joined.length > 0) entries.push(`segment ${joined.length} ${joined.toString("base64")}`);
    segment = [];
  };
  if (lines.pop() !== "") entries.push("the last line has no newline");
  for (const [index, line] of lines.entries()) {
    const { type, name, name_raw, size, payload, position, ...rest } = JSON.parse(line);
    if (position !== index) entries.push(`line ${index} claims position ${position}`);
    if (Object.keys(rest).length > 0) entries.push(`line ${index} has keys ${Object.keys(rest)}`);
    if (type === 2) {
      segment.push(Buffer.from(payload, "base64"));
      continue;
    }
    flush();
    entries.push(`entry ${JSON.stringify({ type, name, name_raw, size, payload })}`);
  }
  flush();
  return entries;
}

function compareLayers(want: Layer, have: Layer, expected: RootView, found: RootView): string[] {
  const differences = [
    ...compareTrees(want.metadata, have.metadata, expected.now, found.now).map((text) => `layerdb ${text}`),
    ...compareTrees(want.directory, have.directory, expected.now, found.now).map((text) => `overlay2 ${text}`),
    ...compareTrees(want.diff, have.diff, expected.now, found.now).map((text) => `diff/${text}`),
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

function names(dir: string): string[] {
  return existsSync(dir) && lstatSync(dir).isDirectory() ? readdirSync(dir).sort() : [];
}

function text(path: string): string {
  return readFileSync(path, "utf8");
}

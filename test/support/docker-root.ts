/**
 * A docker root (overlay2) read as data, random names replaced: layers by ChainID, links by the layers they lead
 * to. Written from the format alone; shares no code with the store that it judges.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeTarSplit } from "./tar-split-lines.js";
import { childTrees, readTree, type Tree, type TreeNode } from "./tree.js";

export interface DockerRoot {
  /** Directories of the store with their permissions, and whatever lies in places where nothing should be left. */
  readonly skeleton: Tree;
  readonly repositories: string;
  /** By image id, hex: `config` and the files of its metadata. */
  readonly images: ReadonlyMap<string, Tree>;
  /** By ChainID, hex. */
  readonly layers: ReadonlyMap<string, Layer>;
  /** What contradicts itself: links to nowhere, directories of no layer. */
  readonly problems: readonly string[];
}

export interface Layer {
  /** `layerdb/sha256/<chain>`: its files and their permissions. */
  readonly metadata: Tree;
  /** What those files say, as far as it is neither random nor compressed. */
  readonly texts: ReadonlyMap<string, string>;
  readonly tarSplit: readonly string[];
  /** `overlay2/<cache-id>` without what is below `diff`. */
  readonly directory: Tree;
  /** ChainIDs of the layers below, topmost first, read from `lower` through `l/`. */
  readonly lower: readonly string[];
  readonly diff: Tree;
}

/** Files whose content is random or compared in another way; their size follows from it. */
const OPAQUE = new Set(["cache-id", "link", "lower", "tar-split.json.gz"]);
const REPOSITORIES = "image/overlay2/repositories.json";
const CONTENT = "image/overlay2/imagedb/content/sha256";
const METADATA = "image/overlay2/imagedb/metadata/sha256";
const LAYERDB = "image/overlay2/layerdb/sha256";

export function readDockerRoot(root: string): DockerRoot {
  const tree = new Map<string, TreeNode>();
  for (const top of ["image", "overlay2"]) {
    for (const [path, node] of readTree(join(root, top))) {
      const hardLinks = node.hardLinks?.map((name) => `${top}/${name}`) ?? null;
      tree.set(path === "." ? top : `${top}/${path}`, { ...node, hardLinks });
    }
  }
  const problems: string[] = [];
  const metadata = childTrees(tree, LAYERDB);
  const directories = childTrees(tree, "overlay2");
  const cacheIds = new Map([...metadata.keys()].map((chain) => [text(root, LAYERDB, chain, "cache-id"), chain]));
  const links = readLinks(tree, cacheIds, problems);
  const layers = new Map<string, Layer>();
  for (const [cacheId, chain] of cacheIds) {
    const [layerdb, overlay2] = [metadata.get(chain) as Tree, directories.get(cacheId)];
    if (overlay2 === undefined) problems.push(`layer ${chain} has no directory overlay2/${cacheId}`);
    else layers.set(chain, readLayer(root, chain, cacheId, layerdb, overlay2, links, problems));
  }
  for (const name of directories.keys()) {
    if (name !== "l" && !cacheIds.has(name)) problems.push(`overlay2/${name} belongs to no layer`);
  }
  return {
    skeleton: skeletonOf(tree),
    repositories: tree.has(REPOSITORIES) ? text(root, REPOSITORIES) : "(no file)",
    images: readImages(tree, problems),
    layers,
    problems,
  };
}

function skeletonOf(tree: Tree): Tree {
  const elsewhere = [`${CONTENT}/`, `${METADATA}/`, `${LAYERDB}/`, "overlay2/l/"];
  const skeleton = new Map<string, TreeNode>();
  for (const [path, node] of tree) {
    if (elsewhere.some((prefix) => path.startsWith(prefix))) continue;
    if (path.startsWith("overlay2/") && path !== "overlay2/l") continue;
    // Compared byte for byte beside this tree, with a better message.
    const { content, size } = path === REPOSITORIES ? { content: null, size: null } : node;
    skeleton.set(path, { ...timeless(node), content, size });
  }
  return skeleton;
}

function readImages(tree: Tree, problems: string[]): Map<string, Tree> {
  const images = new Map<string, Map<string, TreeNode>>();
  for (const [id, content] of childTrees(tree, CONTENT)) {
    images.set(id, new Map([...content].map(([path, node]) => [path === "." ? "config" : path, timeless(node)])));
  }
  for (const [id, metadata] of childTrees(tree, METADATA)) {
    const image = images.get(id);
    if (image === undefined) problems.push(`imagedb/metadata/sha256/${id} belongs to no image`);
    for (const [path, node] of metadata) image?.set(`metadata/${path}`, timeless(node));
  }
  return images;
}

/** ChainID by link id. */
function readLinks(tree: Tree, cacheIds: Map<string, string>, problems: string[]): Map<string, string> {
  const links = new Map<string, string>();
  const seen = new Set<string>();
  for (const [name, link] of childTrees(tree, "overlay2/l")) {
    const target = link.get(".")?.content ?? "";
    const chain = cacheIds.get(/^\.\.\/([^/]+)\/diff$/.exec(target)?.[1] ?? "");
    if (!/^[A-Z2-7]{26}$/.test(name)) problems.push(`overlay2/l/${name} is no link id`);
    if (chain === undefined) problems.push(`overlay2/l/${name} -> ${target} leads to no layer`);
    else if (seen.has(chain)) problems.push(`overlay2/l/${name} is a second link to ${chain}`);
    else links.set(name, chain);
    seen.add(chain ?? "");
  }
  return links;
}

function readLayer(
  root: string,
  chain: string,
  cacheId: string,
  layerdb: Tree,
  overlay2: Tree,
  links: ReadonlyMap<string, string>,
  problems: string[],
): Layer {
  const link = text(root, "overlay2", cacheId, "link");
  if (links.get(link) !== chain) problems.push(`overlay2/${cacheId}/link names ${link}, which is not its link`);
  if (!/^[0-9a-f]{64}$/.test(cacheId)) problems.push(`cache id ${cacheId} is not 64 hex digits`);
  const texts = [...layerdb.keys()].filter((name) => name !== "." && !OPAQUE.has(name));
  const lower = overlay2.has("lower") ? text(root, "overlay2", cacheId, "lower").split(":") : [];
  return {
    metadata: withoutRandom(layerdb),
    texts: new Map(texts.map((name) => [name, text(root, LAYERDB, chain, name)])),
    tarSplit: decodeTarSplit(readFileSync(join(root, LAYERDB, chain, "tar-split.json.gz"))),
    directory: withoutRandom(new Map([...overlay2].filter(([path]) => path !== "diff" && !path.startsWith("diff/")))),
    lower: lower.map((part) => links.get(part.replace(/^l\//, "")) ?? `unknown ${part}`),
    diff: diffOf(overlay2),
  };
}

function diffOf(overlay2: Tree): Tree {
  const diff = new Map<string, TreeNode>();
  for (const [path, node] of overlay2) {
    const hardLinks = node.hardLinks?.map((name) => name.replace(/^diff\//, "")) ?? null;
    if (path === "diff") diff.set(".", node);
    else if (path.startsWith("diff/")) diff.set(path.slice("diff/".length), { ...node, hardLinks });
  }
  return diff;
}

function withoutRandom(tree: Tree): Tree {
  const known = new Map<string, TreeNode>();
  for (const [path, node] of tree) {
    known.set(path, OPAQUE.has(path) ? { ...timeless(node), content: null, size: null } : timeless(node));
  }
  return known;
}

/** The store's own files and directories have the times they were written at, which nobody reads. */
function timeless(node: TreeNode): TreeNode {
  return { ...node, mtimeNs: 0n };
}

function text(root: string, ...path: string[]): string {
  const full = join(root, ...path);
  return existsSync(full) ? readFileSync(full, "utf8") : "(no file)";
}

/**
 * A docker archive: `docker save` of every version, read from its `manifest.json` as dockerd 20.10 loads it.
 * The archive of docker >= 25 is an OCI layout too; its `manifest.json` is preferred, since 25.0.0 wrote the layers
 * of the OCI manifest in random order.
 */
import * as v from "valibot";
import { verifyBytes } from "../blob/verify.js";
import { OvlError } from "../errors.js";
import { type ImageConfig, MAX_CONFIG_BYTES, parseImageConfig } from "../model/config.js";
import { type ChainId, chainIdsOf, type DiffId, type ImageId } from "../model/digest.js";
import { checkShape, goMap, goString, goStrings, goStruct, isJsonObject } from "../model/go-shape.js";
import { parseJson } from "../model/json.js";
import { bestPlatform, formatPlatform } from "../model/platform.js";
import { familiarString, parseReference, whyNotATag, withDefaultTag } from "../model/reference.js";
import type { ArchiveTree } from "./archive-tree.js";
import { type ClaimedLayer, claimedLayers, type DamagedImage, type OnDamage, tellDamage } from "./damage.js";
import { archiveLayer, digestInPath, type MissingBase } from "./docker-layer.js";
import { legacyImages, MAX_LIST_BYTES } from "./docker-legacy.js";
import { validParents } from "./docker-parents.js";
import { DocumentBudget } from "./document-budget.js";
import { type FileTree, readFile, show } from "./file-tree.js";
import { familiar } from "./oci-index.js";
import { layoutImages } from "./oci-layout.js";
import { checkOtherHalf } from "./other-half.js";
import type { ImageSource, Selection, SourceImage } from "./source.js";

const DOCKER_MANIFEST_FILE = "manifest.json";

/**
 * Takes over the tree.
 * @param isLayout whether it is taken for an OCI layout, too: whoever wants to know all that is wrong hears of both
 */
export function dockerSource(tree: ArchiveTree, isLayout = false): ImageSource {
  return {
    kind: "docker-archive",
    location: tree.location,
    images: async (selection, onDamage) => {
      const damaged: DamagedImage[] = [];
      const tell: OnDamage | undefined =
        onDamage &&
        ((image) => {
          damaged.push(image);
          onDamage(image);
        });
      const images = tree.has(DOCKER_MANIFEST_FILE)
        ? manifestImages(tree, selection.name, tell)
        : await legacyImages(tree);
      if (isLayout && onDamage !== undefined) await checkOtherHalf(tree, images, damaged, onDamage);
      try {
        return select(images, selection, tree.location);
      } catch (error) {
        if (!(error instanceof OvlError)) throw error;
        // What was asked for by name is what the damage is of.
        if (damaged.length > 0 && error.code === "NOT_FOUND") return [];
        // manifest.json has one platform an image; the newer archive's index.json may have others.
        const isElsewhere = error.code === "NO_PLATFORM" && tree.has("index.json");
        if (isElsewhere) return layoutImages(tree, selection, onDamage);
        throw error;
      }
    },
    [Symbol.asyncDispose]: async () => tree[Symbol.dispose](),
  };
}

const itemShape = goStruct({
  Config: goString,
  RepoTags: goStrings,
  Layers: goStrings,
  Parent: goString,
  LayerSources: goMap(isJsonObject, "descriptors"),
});
const manifestShape = v.nullable(v.array(v.nullable(itemShape), "must be an array"));
type Item = NonNullable<v.InferOutput<typeof itemShape>>;

/** @param wanted the name of the only image whose damage is told; null for every image */
function manifestImages(tree: ArchiveTree, wanted: string | null, onDamage: OnDamage | undefined): SourceImage[] {
  const context = {
    subject: `${DOCKER_MANIFEST_FILE} of ${tree.location}`,
    code: "BAD_MANIFEST",
    maxBytes: MAX_LIST_BYTES,
  } as const;
  // Go's decoder stops behind the array and never looks at what follows it.
  const json = parseJson(readFile(tree, DOCKER_MANIFEST_FILE, context), { ...context, trailing: "ignore" });
  const items = checkShape(manifestShape, json, context) ?? [];
  const budget = new DocumentBudget(tree.location);
  const configs = new Map<string, ImageConfig>();
  const configAt = (path: string): ImageConfig => {
    const config = configs.get(path) ?? readConfig(tree, path, budget);
    configs.set(path, config);
    return config;
  };
  const images: SourceImage[] = [];
  const parents: (ImageId | "")[] = [];
  for (const item of items) {
    try {
      images.push(manifestImage(tree, item ?? {}, configAt));
      parents.push((item?.Parent ?? "") as ImageId | "");
    } catch (thrown) {
      const isAsked = wanted === null || isCalled(item ?? {}, wantedName(wanted));
      const tell = onDamage && !isAsked ? () => {} : onDamage;
      const id = digestInPath(item?.Config ?? "") as string as ImageId | null;
      tellDamage(thrown, tell, budget, { id, layers: ownLayers(tree, item ?? {}) });
    }
  }
  return validParents(images, parents, (error) => tellDamage(error, onDamage, budget));
}

function isCalled({ RepoTags }: Item, name: string): boolean {
  return (RepoTags ?? []).some((tag) => familiar(tag ?? "") === name);
}

/** Layers whose paths say what they are, where no config says it. */
function ownLayers(tree: FileTree, { Layers }: Item): ClaimedLayer[] {
  const layers = (Layers ?? []).flatMap((path) => {
    const digest = digestInPath(path ?? "");
    return digest === null ? [] : [archiveLayer(tree, path ?? "", digest as string as DiffId)];
  });
  return claimedLayers(layers);
}

function manifestImage(tree: ArchiveTree, item: Item, configAt: (path: string) => ImageConfig): SourceImage {
  const config = configAt(item.Config ?? "");
  const paths = item.Layers ?? [];
  if (paths.length !== config.diffIds.length) {
    throw new OvlError(
      "BAD_MANIFEST",
      `${tree.location}: ${DOCKER_MANIFEST_FILE} gives image ${config.id} ${paths.length} layers, but its config has ${config.diffIds.length} diff ids`,
      { expected: config.diffIds.length, actual: paths.length },
    );
  }
  const missing = missingBase(tree, paths, item, config);
  return {
    id: config.id,
    config,
    names: (item.RepoTags ?? []).flatMap((tag) => tagName(tag ?? "", tree.location)),
    manifestDigest: null,
    layers: paths.map((path, i) => archiveLayer(tree, path ?? "", config.diffIds[i] as DiffId, missing)),
    parent: null,
  };
}

/** What an archive lacks that holds only a part of an image's layers; `BaseChainID` is where ovl notes it. */
function missingBase(
  tree: FileTree,
  paths: readonly (string | null | undefined)[],
  item: Item,
  { diffIds }: ImageConfig,
): MissingBase | null {
  const top = paths.findLastIndex((path) => tree.find(path ?? "") === null);
  if (top < 0) return null;
  const chainId = chainIdsOf(diffIds)[top] as ChainId;
  return { chainId, isDeclared: item["BaseChainID"] === chainId };
}

function readConfig(tree: FileTree, path: string, budget: DocumentBudget): ImageConfig {
  const subject = `image config ${show(path)} of ${tree.location}`;
  const bytes = readFile(tree, path, { subject, maxBytes: MAX_CONFIG_BYTES, code: "BAD_CONFIG" });
  budget.spend(bytes.length);
  verifyBytes(bytes, { digest: digestInPath(path), size: null, subject });
  return parseImageConfig(bytes);
}

/**
 * One of RepoTags in familiar form; nothing for a name that dockerd takes and then stores nowhere.
 * Throws BAD_MANIFEST for one that it refuses.
 */
function tagName(text: string, location: string): string[] {
  const reference = parseReference(text, "BAD_MANIFEST");
  if (reference.tag === null) {
    throw new OvlError("BAD_MANIFEST", `${location}: invalid tag ${show(text)} in RepoTags: it must be name:tag`, {
      reference: text,
    });
  }
  return whyNotATag(reference) === null ? [familiarString(reference)] : [];
}

function select(images: readonly SourceImage[], selection: Selection, location: string): SourceImage[] {
  const { name, platform } = selection;
  const named = name === null ? [...images] : images.filter(({ names }) => names.includes(wantedName(name)));
  if (name !== null && named.length === 0) {
    const available = [...new Set(images.flatMap(({ names }) => names))];
    throw new OvlError(
      "NOT_FOUND",
      `${location} has no image ${show(name)}; it has ${available.length === 0 ? "no names" : available.join(", ")}`,
      { name, available },
    );
  }
  const other = platform && named.find(({ config }) => bestPlatform(platform, [config.platform]) === null);
  if (other) {
    const available = formatPlatform(other.config.platform);
    throw new OvlError(
      "NO_PLATFORM",
      `image ${other.names[0] ?? other.id} in ${location} is for ${available}, not for ${formatPlatform(platform)}`,
      { platform: formatPlatform(platform), available: [available] },
    );
  }
  return merged(named);
}

function wantedName(name: string): string {
  return familiarString(withDefaultTag(parseReference(name)));
}

/** An image listed twice is one image with the names of both. */
function merged(images: readonly SourceImage[]): SourceImage[] {
  const byId = new Map<ImageId, SourceImage>();
  for (const image of images) {
    const before = byId.get(image.id);
    const names = [...new Set([...(before?.names ?? []), ...image.names])];
    byId.set(image.id, { ...(before ?? image), names, parent: image.parent ?? before?.parent ?? null });
  }
  return [...byId.values()];
}

/**
 * A docker archive of before Docker 1.10, without manifest.json: a directory with `json` and `layer.tar` for each
 * image, and `repositories` for the names. dockerd 20.10 turns every directory into an image of its own, whose
 * config it makes up; newer ones refuse such archives.
 */
import { setImmediate } from "node:timers/promises";
import * as v from "valibot";
import type { FileRange } from "../blob/byte-source.js";
import { decompress } from "../blob/decompress.js";
import { fileSource } from "../blob/file-source.js";
import { ByteLimit, MAX_LAYER_BYTES } from "../blob/limit.js";
import { hashing } from "../blob/verify.js";
import { OvlError } from "../errors.js";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../model/config.js";
import type { DiffId } from "../model/digest.js";
import type { GoStruct } from "../model/go-json.js";
import { checkShape, goStringMap, isJsonObject } from "../model/go-shape.js";
import { parseJson } from "../model/json.js";
import { familiarString, parseReference, whyNotATag } from "../model/reference.js";
import type { ArchiveTree } from "./archive-tree.js";
import { archiveLayer } from "./docker-layer.js";
import { DocumentBudget } from "./document-budget.js";
import { readFile, show } from "./file-tree.js";
import type { SourceImage } from "./source.js";
import { configOfV1, historyOf, v1Shape } from "./v1-config.js";

const REPOSITORIES_FILE = "repositories";
/** Largest list of images read. It has some 400 bytes a layer: room for a thousand images of the deepest kind. */
export const MAX_LIST_BYTES = 64 * 1024 * 1024;
/** Layers of an image that dockerd registers: the depth at which its layer store stops. */
const MAX_LAYERS = 125;

export function isLegacyArchive(tree: ArchiveTree): boolean {
  return tree.has(REPOSITORIES_FILE) || tree.directories().some((name) => tree.has(`${name}/json`));
}

/** Reads every layer once, for its DiffID: a v1 image does not say it. */
export async function legacyImages(tree: ArchiveTree): Promise<SourceImage[]> {
  const loaded = new Map<string, Loaded>();
  const hashes = new Map<number, DiffId>();
  const budget = new DocumentBudget(tree.location);
  for (const name of tree.directories()) await load(name, []);
  return named([...loaded.values()], tagsOf(tree), tree.location);

  async function load(oldId: string, children: readonly string[]): Promise<Loaded> {
    const known = loaded.get(oldId);
    if (known !== undefined) return known;
    checkLineage(oldId, children, tree.location);
    const subject = `v1 image ${show(oldId)} of ${tree.location}`;
    const context = { subject, code: "BAD_CONFIG", maxBytes: MAX_CONFIG_BYTES } as const;
    const json = readFile(tree, `${oldId}/json`, context);
    budget.spend(json.length);
    const v1 = checkShape(v1Shape, parseJson(json, context), context);
    const parent = v1.parent ? await load(v1.parent, [...children, oldId]) : null;

    const path = `${oldId}/layer.tar`;
    const range = tree.find(path);
    if (range === null)
      throw new OvlError("BAD_ARCHIVE", `${subject} has no layer: ${show(path)} is missing`, { path });
    const diffId = hashes.get(range.offset) ?? (await diffIdOf(range, `layer of ${subject}`));
    hashes.set(range.offset, diffId);

    const history = [...(parent?.history ?? []), historyOf(v1)];
    const layers = [...(parent?.image.layers ?? []), archiveLayer(tree, path, diffId)];
    const diffIds = layers.map((layer) => layer.diffId);
    const config = parseImageConfig(configOfV1(json, v1, diffIds, history));
    const parentId = parent?.image.id ?? null;
    const image = { id: config.id, config, names: [], manifestDigest: null, layers, parent: parentId };
    const result = { oldId, history, image };
    loaded.set(oldId, result);
    return result;
  }
}

interface Loaded {
  readonly oldId: string;
  readonly history: readonly GoStruct[];
  readonly image: SourceImage;
}

function checkLineage(oldId: string, children: readonly string[], location: string): void {
  if (children.includes(oldId)) {
    throw new OvlError("BAD_ARCHIVE", `${location}: image ${show(oldId)} is its own ancestor`, { id: oldId });
  }
  if (children.length >= MAX_LAYERS) {
    throw new OvlError(
      "TOO_MANY_LAYERS",
      `${location}: image ${show(children[0] as string)} has more than ${MAX_LAYERS} layers`,
    );
  }
}

/** Chunks hashed between two looks at the event loop: some milliseconds. */
const BURST = 64;

async function diffIdOf(range: FileRange, subject: string): Promise<DiffId> {
  using plain = decompress(fileSource(range), subject);
  const tar = hashing(plain);
  const limit = new ByteLimit(MAX_LAYER_BYTES, subject);
  let chunks = 0;
  for (let chunk = tar.read(); chunk !== null; chunk = tar.read()) {
    limit.add(chunk.length);
    if (chunks++ % BURST === 0) await setImmediate();
  }
  return tar.digest() as string as DiffId;
}

interface Tag {
  readonly oldId: string;
  /** Familiar form; null for a name that dockerd takes and stores nowhere. */
  readonly name: string | null;
}

const repositoriesShape = v.nullable(
  v.custom<Readonly<Record<string, unknown>>>(isJsonObject, "must be an object of repositories"),
);

function tagsOf(tree: ArchiveTree): Tag[] {
  const context = {
    subject: `${REPOSITORIES_FILE} of ${tree.location}`,
    code: "BAD_MANIFEST",
    maxBytes: MAX_LIST_BYTES,
  } as const;
  const json = parseJson(readFile(tree, REPOSITORIES_FILE, context), { ...context, trailing: "ignore" });
  const repositories = Object.entries(checkShape(repositoriesShape, json, context) ?? {});
  return repositories.flatMap(([repository, value]) => {
    const tags = Object.entries(checkShape(goStringMap, value, context) ?? {});
    const reference = tags.length === 0 ? null : parseReference(repository, "BAD_MANIFEST");
    return tags.map(([tag, oldId]): Tag => {
      if (reference === null || !/^\w[\w.-]{0,127}$/.test(tag)) {
        throw new OvlError("BAD_MANIFEST", `${context.subject}: ${show(tag)} is no tag`, { reference: repository });
      }
      const name = { ...reference, tag };
      return { oldId: String(oldId ?? ""), name: whyNotATag(name) === null ? familiarString(name) : null };
    });
  });
}

function named(images: readonly Loaded[], tags: readonly Tag[], location: string): SourceImage[] {
  const names = new Map<string, string[]>(images.map(({ oldId }) => [oldId, []]));
  for (const { oldId, name } of tags) if (name !== null) names.get(oldId)?.push(name);
  const stray = tags.find(({ oldId }) => !names.has(oldId));
  if (stray !== undefined) {
    throw new OvlError(
      "BAD_MANIFEST",
      `${location}: ${stray.name ?? "a name"} in ${REPOSITORIES_FILE} means image ${show(stray.oldId)}, which is not there`,
      { id: stray.oldId },
    );
  }
  return images.map(({ oldId, image }) => ({
    ...image,
    names: names.get(oldId) ?? [],
  }));
}

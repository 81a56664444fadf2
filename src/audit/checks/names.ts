/** repositories.json: whether dockerd can read it, and whether each name is one that it finds an image by. */
import { join } from "node:path";
import { type ImageId, isImageId } from "../../model/digest.js";
import { goJson } from "../../model/go-json.js";
import { familiarName, familiarString, referenceOf } from "../../model/reference.js";
import { MAX_NAMES_BYTES } from "../../store/repositories-json.js";
import { type Finding, finding, type Step } from "../fsck-finding.js";
import type { NameRecord, Picture } from "../fsck-picture.js";
import type { Relations } from "../fsck-relations.js";
import { isMarked, missingImages } from "./images.js";

const MODE = 0o600;

export function* checkNames(picture: Picture, relations: Relations): Generator<Finding> {
  const { names } = picture;
  const { path } = names;
  if (names.problem !== null) {
    const content = written(salvaged(picture));
    yield finding("REPOSITORIES_INVALID", {
      subject: path,
      path,
      detail: names.problem,
      steps: [
        { do: "keep-copy", path },
        { do: "write", path, content, mode: MODE },
      ],
    });
    return;
  }
  const missing = missingImages(picture, relations);
  // Whichever of its names is mended first: the file as it is to be in the end.
  const kept = names.names.filter((name) => [null, "REFERENCE_UNFAMILIAR"].includes(judge(picture, missing, name)));
  const rewrite = { do: "write", path, content: written(kept), mode: MODE } as const;
  yield* checkMarked(picture, rewrite);
  for (const name of names.names) {
    const code = judge(picture, missing, name);
    if (code === null || code === "IMAGE_UNFINISHED") continue;
    const { text, imageId } = name;
    yield finding(code, {
      subject: text,
      path,
      detail: `${text} of ${imageId}`,
      steps: [...(code === "REFERENCE_INVALID" ? [{ do: "keep-copy", path } as const] : []), rewrite],
    });
  }
}

/** Marks of images that were just being brought or removed, and what is there of those that have no config. */
function* checkMarked({ layerdb, image, images, names, daemonRuns }: Picture, rewrite: Step): Generator<Finding> {
  for (const { name, path } of daemonRuns ? [] : layerdb.tmp.values()) {
    const hex = /^image-([0-9a-f]{64})$/.exec(name)?.[1];
    if (hex === undefined || path === null) continue;
    const id = `sha256:${hex}` as ImageId;
    const left = images.has(id) ? [] : [join(image, "imagedb", "metadata", "sha256", hex)];
    const named = !images.has(id) && names.names.some(({ imageId }) => imageId === id);
    const removals = [...left, path].map((one) => ({ do: "remove", path: one }) as const);
    const steps = named ? [rewrite, ...removals] : removals;
    yield finding("IMAGE_UNFINISHED", { subject: id, path, steps });
  }
}

function judge(
  picture: Picture,
  missing: ReadonlyMap<string, string>,
  { reference, text, repository, imageId }: NameRecord,
) {
  if (reference === null || (reference.tag === null && reference.digest === null)) return "REFERENCE_INVALID" as const;
  if (!isImageId(imageId)) return "REFERENCE_STALE" as const;
  if (!picture.images.has(imageId) && isMarked(picture, imageId)) return "IMAGE_UNFINISHED" as const;
  if (!picture.images.has(imageId as ImageId) && !missing.has(imageId)) return "REFERENCE_STALE" as const;
  const familiar = familiarString(reference) === text && familiarName(reference) === repository;
  return familiar ? null : ("REFERENCE_UNFAMILIAR" as const);
}

/** Familiar names win over those in full form that mean the same. */
function written(names: readonly NameRecord[]): string {
  const repositories = new Map<string, Map<string, string>>();
  const inFull = (name: NameRecord) =>
    name.reference !== null && familiarString(name.reference) === name.text ? 1 : 0;
  for (const { reference, imageId } of [...names].sort((a, b) => inFull(a) - inFull(b))) {
    if (reference === null) continue;
    const repository = repositories.get(familiarName(reference)) ?? new Map<string, string>();
    repositories.set(familiarName(reference), repository.set(familiarString(reference), imageId));
  }
  return goJson({ Repositories: repositories });
}

/** Pairs of a reference and an image that is there, as they can still be found in a damaged file. */
function salvaged(picture: Picture): NameRecord[] {
  const file = picture.files.read(picture.names.path, MAX_NAMES_BYTES);
  if (file.kind !== "read") return [];
  const names: NameRecord[] = [];
  for (const [, text = "", imageId = ""] of file.bytes
    .toString("utf8")
    .matchAll(/"([^"\\]{1,4096})"\s*:\s*"(sha256:[0-9a-f]{64})"/g)) {
    if (!picture.images.has(imageId as ImageId)) continue;
    const reference = referenceOf(text);
    if (reference !== null) names.push({ repository: "", text, imageId, reference });
  }
  return names;
}

/**
 * Manifests and indexes: OCI image-spec 1.1 (manifest.md, image-index.md, descriptor.md) and Docker's image manifest
 * v2, schema 2, with its manifest lists. Unknown fields are ignored, as the specs demand.
 */
import * as v from "valibot";
import { OvlError } from "../errors.js";
import { type Digest, isDigest } from "./digest.js";
import { checkShape, isJsonObject, type JsonObject, specObject } from "./go-shape.js";
import { parseJson } from "./json.js";
import { isImageConfigType, isIndexType, isKindOfLayerType, isManifestType, isSchema1Type } from "./media-types.js";
import type { Platform } from "./platform.js";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Size of the blob in bytes. */
  readonly size: number;
  readonly platform: Platform | null;
  readonly annotations: ReadonlyMap<string, string>;
  /** Where a foreign layer may be had; empty for all others. */
  readonly urls: readonly string[];
  readonly artifactType: string | null;
}

export interface Manifest {
  readonly kind: "manifest";
  readonly config: Descriptor;
  /** Bottom to top. */
  readonly layers: readonly Descriptor[];
}

export interface Index {
  readonly kind: "index";
  readonly manifests: readonly Descriptor[];
}

/** Largest manifest or index read: what registries take at most. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

const text = v.string("must be a string");
const optionalText = v.nullish(text, "");

const platformShape = v.pipe(
  specObject({ os: optionalText, architecture: optionalText, variant: optionalText }),
  v.transform(({ os, architecture, variant }): Platform => ({ os, architecture, variant: variant || null })),
);

const annotationsShape = v.custom<Readonly<Record<string, string>>>(
  (value) => isJsonObject(value) && Object.values(value).every((x) => typeof x === "string"),
  "must be an object of strings",
);

const descriptorShape = v.pipe(
  specObject({
    mediaType: optionalText,
    digest: v.custom<Digest>(
      (value) => typeof value === "string" && isDigest(value),
      "must be a sha256 or sha512 digest in lower-case hex",
    ),
    size: v.pipe(
      v.number("must be a number"),
      v.safeInteger("must be a whole number"),
      v.minValue(0, "must not be negative"),
    ),
    platform: v.nullish(platformShape),
    annotations: v.nullish(annotationsShape),
    urls: v.nullish(v.array(text, "must be an array of strings")),
    artifactType: optionalText,
  }),
  v.transform(
    (d): Descriptor => ({
      mediaType: d.mediaType,
      digest: d.digest,
      size: d.size,
      platform: d.platform ?? null,
      annotations: new Map(Object.entries(d.annotations ?? {})),
      urls: d.urls ?? [],
      artifactType: d.artifactType || null,
    }),
  ),
);

/** As in Go, null is an array of none. */
const descriptorsShape = v.nullable(v.array(descriptorShape, "must be an array of descriptors"), []);

const documentShape = specObject({
  schemaVersion: v.nullish(v.number("must be a number")),
  mediaType: optionalText,
});
const manifestShape = specObject({ config: descriptorShape, layers: descriptorsShape });
const indexShape = specObject({ manifests: descriptorsShape });

/**
 * A manifest or an index from its bytes, verified against their digest by the caller.
 * @param mediaType that the descriptor of these bytes claims; empty where there is none
 * @param subject what they are, for messages
 * @param otherwise what to take them for where neither a media type nor a field says it
 * Throws BAD_MANIFEST, and UNSUPPORTED_MEDIA_TYPE for what is no manifest of an image.
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType: string,
  subject = "manifest",
  otherwise: Kind = "manifest",
): Manifest | Index {
  const context = { subject, code: "BAD_MANIFEST" } as const;
  const json = parseJson(bytes, { ...context, maxBytes: MAX_MANIFEST_BYTES });
  const document = checkShape(documentShape, json, context);
  if (mediaType !== "" && document.mediaType !== "" && mediaType !== document.mediaType) {
    throw new OvlError(
      "BAD_MANIFEST",
      `${subject} calls itself ${JSON.stringify(document.mediaType)}, but its descriptor says ${JSON.stringify(mediaType)}`,
      { expected: mediaType, actual: document.mediaType },
    );
  }
  switch (kindOf(document, mediaType || document.mediaType, subject) ?? otherwise) {
    case "manifest": {
      const { config, layers } = checkShape(manifestShape, json, context);
      return { kind: "manifest", config, layers };
    }
    case "index":
      return { kind: "index", manifests: checkShape(indexShape, json, context).manifests };
  }
}

type Kind = (Manifest | Index)["kind"];

/** null where nothing says it. */
function kindOf(document: JsonObject, mediaType: string, subject: string): Kind | null {
  if (isSchema1Type(mediaType) || document["schemaVersion"] === 1) {
    throw new OvlError(
      "UNSUPPORTED_MEDIA_TYPE",
      `${subject} is in Docker's manifest format schema 1, which has no image config; save the image again with a current tool`,
      { mediaType },
    );
  }
  // One document that is both would be two images under one digest (CVE-2021-41190).
  const [isManifest, isIndex] = ["layers" in document || "config" in document, "manifests" in document];
  if (isManifest && isIndex) {
    throw new OvlError("BAD_MANIFEST", `${subject} has the fields of a manifest and of an index at once`);
  }
  if (isManifestType(mediaType)) return "manifest";
  if (isIndexType(mediaType)) return "index";
  if (mediaType !== "") {
    throw new OvlError(
      "UNSUPPORTED_MEDIA_TYPE",
      `${subject} is no image: its media type is ${JSON.stringify(mediaType)}`,
      {
        mediaType,
      },
    );
  }
  if (isIndex) return "index";
  return isManifest ? "manifest" : null;
}

/**
 * Whether a manifest is of an image. Signatures of cosign say so of their config, but none of what they hold is a
 * layer.
 */
export function isImage({ config, layers }: Manifest): boolean {
  if (!isImageConfigType(config.mediaType)) return false;
  return layers.length === 0 || layers.some(({ mediaType }) => isKindOfLayerType(mediaType));
}

/**
 * Whether an index entry is about another image instead of being one: BuildKit's provenance and SBOM
 * manifests, which have a platform that no machine has.
 */
export function isAttestation({ platform, annotations }: Descriptor): boolean {
  if (annotations.has("vnd.docker.reference.type")) return true;
  return platform?.os === "unknown" && platform.architecture === "unknown";
}

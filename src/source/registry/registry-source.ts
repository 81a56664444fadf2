/** An image of a registry as a source: names, platforms and configs now, layers when they are asked for. */
import type { ByteStream } from "../../blob/byte-source.js";
import { OvlError } from "../../errors.js";
import { type ImageConfig, MAX_CONFIG_BYTES, parseImageConfig } from "../../model/config.js";
import type { DiffId } from "../../model/digest.js";
import { type Descriptor, type Index, MAX_MANIFEST_BYTES, type Manifest } from "../../model/manifest.js";
import { isForeignLayerType, isImageConfigType } from "../../model/media-types.js";
import { familiarString, fullName, fullString, type Reference, withDefaultTag } from "../../model/reference.js";
import { show } from "../file-tree.js";
import { type Blobs, choosePlatform } from "../oci-index.js";
import { checkLayers } from "../oci-layout.js";
import type { ImageSource, Selection, SourceImage, SourceLayer } from "../source.js";
import { blobStream, type Repository } from "./blob-stream.js";
import { RegistryClient } from "./client.js";
import { isDockerHub } from "./host.js";
import { type FoundManifest, fetchConfig, fetchManifest, fetchManifestOf } from "./manifests.js";
import type { RegistryOptions } from "./options.js";

/** Nothing is sent before images are asked for. Throws USAGE. */
export function registrySource(reference: Reference, options: RegistryOptions): ImageSource {
  const asked = withDefaultTag(reference);
  const places = placesOf(asked, options);
  return {
    kind: "docker",
    location: fullString(asked),
    images: async (selection) => {
      // Each place has secrets of its own, and a document can quote them anywhere.
      const work = () => fetchImage(asked, places, selection);
      const cleaned = places.reduce(
        (inner, { client }) =>
          () =>
            client.clean(inner),
        work,
      );
      return [await cleaned()];
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(places.map(({ client }) => client[Symbol.asyncDispose]()));
    },
  };
}

/** Mirrors are of Docker Hub, as docker's are; the registry itself comes last. */
function placesOf({ domain, path }: Reference, options: RegistryOptions): Repository[] {
  const own = { client: new RegistryClient(domain, path, options), path };
  const mirrors = isDockerHub(domain) ? options.mirrors.map((mirror) => mirrorOf(mirror, path, options)) : [];
  return [...mirrors, own];
}

function mirrorOf(text: string, path: string, options: RegistryOptions): Repository {
  const match = /^(?:(https?):\/\/)?([^/@\s]+)\/?$/.exec(text);
  if (match === null) {
    // It may hold a password.
    const shown = text.includes("@") ? "one with a user name" : show(text);
    throw new OvlError("USAGE", `--registry-mirror takes the address of a registry without a path, not ${shown}`);
  }
  const scheme = (match[1] ?? null) as "http" | "https" | null;
  // Who we are at Docker Hub is not a mirror's business.
  return { client: new RegistryClient(match[2] as string, "", { ...options, credentials: null }, scheme), path };
}

async function fetchImage(asked: Reference, places: readonly Repository[], selection: Selection): Promise<SourceImage> {
  const { from, found } = await findManifest(asked, places);
  const location = fullString(asked);
  const top: Descriptor = {
    ...{ mediaType: found.mediaType, digest: found.digest, size: found.size },
    ...{ platform: null, annotations: new Map<string, string>(), urls: [], artifactType: null },
  };
  const configs = new Map<string, Promise<Uint8Array>>();
  const spend = budget(location);
  const fetchConfigOf = (manifest: Manifest) => {
    const descriptor = spend(imageConfig(manifest, location));
    return firstOf(from, (place) => fetchConfig(place, descriptor));
  };
  const configBytes = (manifest: Manifest) => {
    const { config } = manifest;
    const known = configs.get(config.digest) ?? fetchConfigOf(manifest);
    configs.set(config.digest, known);
    return known;
  };
  const blobs: Blobs = {
    location,
    manifest: async (descriptor): Promise<Manifest | Index> => {
      if (descriptor === top) return found.document;
      spend(descriptor);
      return firstOf(from, (place) => fetchManifestOf(place, descriptor));
    },
    config: async (manifest) => configBytes(manifest),
  };
  const { descriptor, manifest } = await choosePlatform(null, [top], selection.platform, blobs);
  const config = parseImageConfig(await configBytes(manifest));
  checkLayers(manifest, config, location);
  return {
    id: config.id,
    config,
    names: asked.digest === null ? [familiarString(asked)] : [],
    origin: { repository: fullName(asked), digest: found.digest },
    manifestDigest: descriptor.digest,
    layers: sourceLayers(manifest, config, from),
    parent: null,
  };
}

/**
 * Bytes of manifests and configs that are read, and kept, to find one image. Those of real ones are a few kilobytes.
 */
const MAX_DOCUMENTS = 64 * 1024 * 1024;

/** Throws BAD_MANIFEST where all that is asked for, one after the other, would be too much. */
function budget(location: string): (descriptor: Descriptor) => Descriptor {
  let spent = 0;
  return (descriptor) => {
    // One that lies about its size is refused on its own.
    spent += Math.min(descriptor.size, Math.max(MAX_MANIFEST_BYTES, MAX_CONFIG_BYTES));
    if (spent <= MAX_DOCUMENTS) return descriptor;
    throw new OvlError(
      "BAD_MANIFEST",
      `${location} leads to more than ${MAX_DOCUMENTS} bytes of manifests and configs`,
      {
        limit: MAX_DOCUMENTS,
      },
    );
  };
}

/** The manifest, and the places that the rest is asked of: the one that has it, and those behind it. */
function findManifest(
  asked: Reference,
  places: readonly Repository[],
): Promise<{ from: readonly Repository[]; found: FoundManifest }> {
  return firstOf(places, async (place) => {
    const found = await fetchManifest(place, referenceOf(asked));
    return { from: places.slice(places.indexOf(place)), found };
  });
}

/** From the first place that has it. Throws what the last one says, which is the registry itself. */
async function firstOf<T>(places: readonly Repository[], fetch: (place: Repository) => Promise<T>): Promise<T> {
  for (const place of places.slice(0, -1)) {
    try {
      return await fetch(place);
    } catch (thrown) {
      if (!(thrown instanceof OvlError) || thrown.exit >= 128 || thrown.code === "USAGE") throw thrown;
    }
  }
  return fetch(places.at(-1) as Repository);
}

function referenceOf({ tag, digest }: Reference): string {
  return digest ?? (tag as string);
}

function imageConfig({ config }: Manifest, location: string): Descriptor {
  if (isImageConfigType(config.mediaType)) return config;
  throw new OvlError(
    "UNSUPPORTED_MEDIA_TYPE",
    `${location} is an artifact, not an image: its config has the media type ${show(config.mediaType)}`,
    { mediaType: config.mediaType, digest: config.digest },
  );
}

function sourceLayers({ layers }: Manifest, { diffIds }: ImageConfig, places: readonly Repository[]): SourceLayer[] {
  return layers.map((descriptor, i) => ({
    diffId: diffIds[i] as DiffId,
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    size: descriptor.size,
    open: async () => orElsewhere(blobStream(places, descriptor), descriptor),
  }));
}

/**
 * A foreign layer may be here all the same, where dockerd looks. Addresses that the manifest names are not asked:
 * whoever wrote it would choose them.
 */
function orElsewhere(stream: ByteStream, { mediaType, digest, urls }: Descriptor): ByteStream {
  if (!isForeignLayerType(mediaType) || urls.length === 0) return stream;
  return {
    ...stream,
    async *chunks(signal) {
      try {
        yield* stream.chunks(signal);
      } catch (thrown) {
        if (!(thrown instanceof OvlError) || thrown.code !== "NOT_FOUND") throw thrown;
        throw new OvlError(
          "UNSUPPORTED_MEDIA_TYPE",
          `layer ${digest} is not in the registry but with its publisher, at ${urls.map(show).join(" or ")}; ovl does not ask there`,
          { mediaType, digest },
        );
      }
    },
  };
}

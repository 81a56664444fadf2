/** Images made of layer tars, and the archives that carry them: `docker save` old and new, OCI layouts. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { dir, END, type EntryOptions, file, symlink, tar } from "./tar-builder.js";

export const MEDIA = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

export const CREATED = "2020-02-02T02:02:02Z";

type Json = Record<string, unknown>;

export interface ImageSpec {
  /** Uncompressed tars, bottom to top. */
  readonly layers: readonly Uint8Array[];
  /** Full or familiar names; none for an untagged image. */
  readonly names?: readonly string[];
  /** Keys put over the default config. */
  readonly config?: Json;
  /** The exact config bytes instead. */
  readonly configBytes?: Uint8Array;
  /** For `Parent` in manifest.json. */
  readonly parent?: string;
}

export interface Image {
  readonly id: string;
  readonly names: readonly string[];
  readonly configBytes: Buffer;
  readonly layers: readonly Uint8Array[];
  readonly diffIds: readonly string[];
  readonly parent: string | null;
}

export function image(spec: ImageSpec): Image {
  const diffIds = spec.layers.map(sha256);
  const configBytes = Buffer.from(spec.configBytes ?? JSON.stringify(configOf(diffIds, spec.config)));
  const { layers, names = [], parent = null } = spec;
  return { id: sha256(configBytes), names, configBytes, layers, diffIds, parent };
}

/** A config like the ones docker writes, with a history entry a layer. */
export function configOf(diffIds: readonly string[], over: Json = {}): Json {
  return {
    architecture: "amd64",
    config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: ["/hello"] },
    created: CREATED,
    history: diffIds.map((_, index) => ({ created: CREATED, created_by: `/bin/sh -c #(nop) ADD layer ${index}` })),
    os: "linux",
    rootfs: { type: "layers", diff_ids: diffIds },
    ...over,
  };
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : sha256(Buffer.from(`${parent} ${diffId}`)));
  }
  return chain;
}

/** Files of an archive or a layout by path; insertion order is archive order. */
export type Files = Map<string, Uint8Array | { readonly symlink: string }>;

export interface DockerArchiveOptions {
  /** Compresses every layer inside the archive. */
  readonly compress?: (layer: Uint8Array) => Uint8Array;
  /** Stores a layer that is there already as a symlink to the first, as `docker save` does. Default true. */
  readonly links?: boolean;
  /** Changes manifest.json before it is written. */
  readonly manifest?: (items: Json[]) => unknown;
}

/** What dockerd 20.10 `save` writes: `<v1 id>/layer.tar`, `<id>.json`, `manifest.json`, `repositories`. */
export function dockerArchive(images: readonly Image[], options: DockerArchiveOptions = {}): Files {
  const files: Files = new Map();
  const items: Json[] = [];
  const stored = new Map<string, string>();
  const repositories: Record<string, Record<string, string>> = {};
  for (const { id, names, configBytes, layers, diffIds, parent } of images) {
    const paths = chainIds(diffIds).map((chainId, index) => {
      const v1Id = hex(sha256(Buffer.from(`v1 ${chainId} ${id}`)));
      const path = `${v1Id}/layer.tar`;
      const before = stored.get(diffIds[index] as string);
      files.set(`${v1Id}/VERSION`, Buffer.from("1.0"));
      files.set(`${v1Id}/json`, Buffer.from(JSON.stringify({ id: v1Id, created: CREATED, os: "linux" })));
      const bytes = layers[index] as Uint8Array;
      if (before !== undefined && before !== path && options.links !== false)
        files.set(path, { symlink: `../${before}` });
      else files.set(path, options.compress?.(bytes) ?? bytes);
      stored.set(diffIds[index] as string, before ?? path);
      return path;
    });
    files.set(`${hex(id)}.json`, configBytes);
    items.push({
      Config: `${hex(id)}.json`,
      RepoTags: names.length === 0 ? null : names,
      Layers: paths,
      ...(parent === null ? {} : { Parent: parent }),
    });
    for (const name of names) {
      const colon = name.lastIndexOf(":");
      (repositories[name.slice(0, colon)] ??= {})[name.slice(colon + 1)] = (paths.at(-1) ?? "").split("/")[0] as string;
    }
  }
  files.set("manifest.json", json(options.manifest?.(items) ?? items, "\n"));
  if (Object.keys(repositories).length > 0) files.set("repositories", json(repositories, "\n"));
  return files;
}

export interface OciOptions {
  readonly compress?: (layer: Uint8Array) => Uint8Array;
  /** Appended to the layer media type: `+gzip`, `+zstd`. */
  readonly suffix?: string;
  /** How names are written: docker's annotation with the full name, or the OCI one with the tag or name alone. */
  readonly naming?: "docker" | "ref-name" | "none";
  readonly docker?: boolean;
  /** Changes index.json, given the descriptors of the images. */
  readonly index?: (descriptors: Descriptor[], put: PutBlob) => unknown;
}

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: Json;
  annotations?: Record<string, string>;
}
/** Stores a blob and describes it. */
export type PutBlob = (bytes: Uint8Array, mediaType: string) => Descriptor;

/** An OCI image layout: `oci-layout`, `index.json`, `blobs/sha256/*`. */
export function ociLayout(images: readonly Image[], options: OciOptions = {}): Files {
  const files: Files = new Map();
  files.set("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  const blobs: Files = new Map();
  const put: PutBlob = (bytes, mediaType) => {
    const digest = sha256(bytes);
    blobs.set(`blobs/sha256/${hex(digest)}`, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const descriptors = images.flatMap((each) => {
    const manifest = putManifest(each, put, options);
    const names = options.naming === "none" || each.names.length === 0 ? [null] : each.names;
    return names.map((name) => (name === null ? manifest : { ...manifest, annotations: annotations(name, options) }));
  });
  const index = options.index?.(descriptors, put) ?? {
    schemaVersion: 2,
    mediaType: MEDIA.index,
    manifests: descriptors,
  };
  files.set("index.json", json(index));
  for (const [path, bytes] of blobs) files.set(path, bytes);
  return files;
}

function putManifest(each: Image, put: PutBlob, options: OciOptions): Descriptor {
  const { docker = false, suffix = "", compress } = options;
  const config = put(each.configBytes, docker ? MEDIA.dockerConfig : MEDIA.config);
  const layerType = docker ? MEDIA.dockerLayer : `${MEDIA.layer}${suffix}`;
  const layers = each.layers.map((bytes) => put(compress?.(bytes) ?? bytes, layerType));
  const mediaType = docker ? MEDIA.dockerManifest : MEDIA.manifest;
  return put(json({ schemaVersion: 2, mediaType, config, layers }), mediaType);
}

function annotations(name: string, { naming = "docker" }: OciOptions): Record<string, string> {
  const tag = name.slice(name.lastIndexOf(":") + 1);
  if (naming === "ref-name") return { "org.opencontainers.image.ref.name": name };
  const first = name.split("/")[0] as string;
  const full = name.includes("/")
    ? /[.:]|^localhost$/.test(first)
      ? name
      : `docker.io/${name}`
    : `docker.io/library/${name}`;
  return { "io.containerd.image.name": full, "org.opencontainers.image.ref.name": tag };
}

/** What newer `docker save` writes (25.0 and later): an OCI layout that is also a docker archive. */
export function hybridArchive(images: readonly Image[]): Files {
  const files = ociLayout(images);
  const items = images.map((each) => ({
    Config: `blobs/sha256/${hex(each.id)}`,
    RepoTags: each.names.length === 0 ? null : each.names,
    Layers: each.diffIds.map((diffId) => `blobs/sha256/${hex(diffId)}`),
    LayerSources: Object.fromEntries(
      each.diffIds.map((digest, i) => [digest, { mediaType: MEDIA.layer, size: each.layers[i]?.length, digest }]),
    ),
  }));
  files.set("manifest.json", json(items, "\n"));
  return files;
}

/** Files as an archive, with a directory entry before the first file of each directory. */
export function archive(files: Files, options: EntryOptions = {}): Buffer {
  const pieces: Uint8Array[] = [];
  const made = new Set<string>();
  for (const [path, content] of files) {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
      const parent = path.slice(0, at + 1);
      if (!made.has(parent)) pieces.push(dir(parent, { mode: 0o40755, ...options }));
      made.add(parent);
    }
    pieces.push(
      content instanceof Uint8Array
        ? file(path, content, { mode: 0o100644, ...options })
        : symlink(path, content.symlink, { mode: 0o120777, ...options }),
    );
  }
  return tar(...pieces, END);
}

/** Files below a directory on disk. */
export function writeFiles(files: Files, root: string): string {
  for (const [path, content] of files) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    if (content instanceof Uint8Array) writeFileSync(join(root, path), content);
  }
  return root;
}

export const gzip = (bytes: Uint8Array): Buffer => gzipSync(bytes, { level: 6 });

/** One gzip member for each `size` bytes: what bgzip, pigz -i and estargz write. */
export function gzipMembers(bytes: Uint8Array, size = 1000): Buffer {
  const members: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) members.push(gzipSync(bytes.subarray(at, at + size)));
  return Buffer.concat(members);
}

export function hex(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1);
}

export function json(value: unknown, end = ""): Buffer {
  return Buffer.from(JSON.stringify(value) + end);
}

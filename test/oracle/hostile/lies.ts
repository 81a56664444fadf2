/** OCI archives whose documents lie about each other. */
import assert from "node:assert/strict";
import {
  archive,
  type Files,
  hex,
  image,
  json,
  MEDIA,
  ociLayout,
  type PutBlob,
  sha256,
} from "../../support/image-builder.js";
import { dir, file, layer, whiteout } from "../../support/tar-builder.js";

/** The image that they would be of. */
export const good = image({
  names: ["hostile:1"],
  layers: [layer(dir("d/"), file("d/a", "a".repeat(3000))), layer(whiteout("d/a"), file("b", "b".repeat(900)))],
});
/** An OCI archive whose manifest and config are changed on the way. */
function lying(change: {
  manifest?: (json: Json) => unknown;
  descriptor?: (json: Json) => unknown;
  files?: (files: Files) => void;
}): Buffer {
  const files = ociLayout([good], {
    index([descriptor], put: PutBlob) {
      const blobs = [good.configBytes, ...good.layers];
      const [config, ...layers] = blobs.map((bytes, i) => put(bytes, i === 0 ? MEDIA.config : MEDIA.layer));
      const manifest = { schemaVersion: 2, mediaType: MEDIA.manifest, config, layers };
      const own = put(
        json(change.manifest?.(structuredClone(manifest) as unknown as Json) ?? manifest),
        MEDIA.manifest,
      );
      assert.ok(descriptor);
      return { schemaVersion: 2, manifests: [change.descriptor?.({ ...own }) ?? own] };
    },
  });
  change.files?.(files);
  return archive(files);
}
// biome-ignore lint/suspicious/noExplicitAny: documents that lie have no shape
type Json = any;

export function lies(): [title: string, code: string, bytes: Buffer][] {
  const other = sha256(Buffer.from("other"));
  const edit = (path: (string | number)[], value: unknown) => (json: Json) => {
    const last = path.at(-1) as string;
    const at = path.slice(0, -1).reduce((node, key) => node[key], json);
    at[last] = value;
    return json;
  };
  const manifest = (path: (string | number)[], value: unknown) => lying({ manifest: edit(path, value) });
  const descriptor = (path: (string | number)[], value: unknown) => lying({ descriptor: edit(path, value) });
  const size = good.layers[0]?.length as number;
  return [
    ["a layer that is shorter than said", "SIZE_MISMATCH", manifest(["layers", 0, "size"], size + 1)],
    ["a layer that is longer than said", "SIZE_MISMATCH", manifest(["layers", 0, "size"], size - 1)],
    ["a config of another size", "SIZE_MISMATCH", manifest(["config", "size"], 7)],
    ["a manifest of another size", "SIZE_MISMATCH", descriptor(["size"], 7)],
    ["a layer that is not there", "BAD_ARCHIVE", manifest(["layers", 0, "digest"], other)],
    ["a manifest that is not there", "BAD_ARCHIVE", descriptor(["digest"], other)],
    ["a negative size", "BAD_MANIFEST", manifest(["layers", 0, "size"], -1)],
    ["a size that is no whole number", "BAD_MANIFEST", manifest(["layers", 0, "size"], 1.5)],
    [
      "a digest that climbs",
      "BAD_MANIFEST",
      manifest(["layers", 0, "digest"], "sha256:../../../../outside/secret.tar"),
    ],
    [
      "a digest of an unknown kind",
      "BAD_MANIFEST",
      manifest(["layers", 0, "digest"], "md5:d41d8cd98f00b204e9800998ecf8427e"),
    ],
    ["a digest in upper case", "BAD_MANIFEST", manifest(["layers", 0, "digest"], other.toUpperCase())],
    ["a layer too few", "BAD_MANIFEST", lying({ manifest: (m) => ({ ...m, layers: m.layers.slice(1) }) })],
    [
      "layers in the wrong order",
      "DIFF_ID_MISMATCH",
      lying({ manifest: (m) => ({ ...m, layers: [...m.layers].reverse() }) }),
    ],
    ["a layer of no known type", "UNSUPPORTED_MEDIA_TYPE", manifest(["layers", 0, "mediaType"], "text/html")],
    ["a manifest that is a list", "BAD_MANIFEST", lying({ manifest: (m) => [m] })],
    ["a manifest without a config", "BAD_MANIFEST", lying({ manifest: ({ config: _, ...m }) => m })],
    [
      "an index that is no JSON",
      "BAD_MANIFEST",
      lying({ files: (files) => files.set("index.json", Buffer.from("<")) }),
    ],
    [
      "an index that is a link",
      "BAD_MANIFEST",
      lying({ files: (files) => files.set("index.json", { symlink: "oci-layout" }) }),
    ],
    ["a blob under another's name", "DIGEST_MISMATCH", lying({ files: swapBlobs })],
  ];
}

/** Two layers of one length under each other's digests. */
function swapBlobs(files: Files): void {
  const path = `blobs/sha256/${hex(good.diffIds[0] as string)}`;
  const content = files.get(path) as Buffer;
  files.set(path, Buffer.alloc(content.length));
}

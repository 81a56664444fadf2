/**
 * Stored images given back, in an archive or an OCI layout: the exact bytes of configs and layers, each layer once.
 *
 * The docker archive is the form of docker 25.0 and later: blobs called by their digests, with manifest.json for
 * docker load of every version since 1.10, and index.json for those who read OCI archives. The older form
 * (`<v1 id>/layer.tar`) has nothing that this one lacks: no reader since then opens the legacy files in it.
 */

import { throwIfAborted } from "../layer/abort.js";
import type { LayerCompression } from "../layer/job.js";
import type { LayerProgress } from "../layer/progress.js";
import type { DiffId, Digest, ImageId } from "../model/digest.js";
import { familiarString } from "../model/reference.js";
import { writeArchive } from "./save-archive.js";
import { compressedLayers, eachLayer, plainLayers } from "./save-content.js";
import { LayoutDirectory } from "./save-directory.js";
import {
  blobPath,
  type Document,
  dockerManifest,
  indexFile,
  LAYOUT_FILE,
  type LayerBlob,
  ociDocuments,
} from "./save-documents.js";
import { LayerWriter } from "./save-layers.js";
import { openOutput, TemporaryFiles } from "./save-output.js";
import { planSave, type SavePlan } from "./save-plan.js";
import type { Store } from "./store.js";

export type SaveFormat = "docker-archive" | "oci-archive" | "oci";

export interface SaveOptions {
  /** File, directory for `oci`, or `-` for standard output. */
  readonly output: string;
  readonly format: SaveFormat;
  /** Of layers; a docker archive has none. */
  readonly compression: LayerCompression;
  /** Image whose layers are left out, only of a docker archive; null for none. */
  readonly since: string | null;
  /** Layers at once. */
  readonly jobs: number;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: LayerProgress | undefined;
}

export interface SaveResult {
  /** Absolute path, or `-` for standard output. */
  readonly file: string;
  readonly images: readonly { readonly id: ImageId; readonly names: readonly string[] }[];
  readonly warnings: readonly { readonly message: string }[];
}

/**
 * Throws what `planSave` and `openOutput` throw, and an error that names the file at fault where a layer is not what
 * it was; then there is no output.
 * @param names of images as users write them
 */
export async function save(store: Store, names: readonly string[], options: SaveOptions): Promise<SaveResult> {
  const plan = planSave(store, names, options.since);
  const file =
    options.format === "oci" ? await saveLayout(store, plan, options) : await saveArchive(store, plan, options);
  return {
    file,
    images: plan.images.map(({ id, names }) => ({ id, names: names.map(familiarString) })),
    warnings: plan.warnings,
  };
}

async function saveLayout(store: Store, plan: SavePlan, options: SaveOptions): Promise<string> {
  using directory = new LayoutDirectory(options.output);
  await using writer = new LayerWriter(store, options);
  const blobs = await eachLayer(plan.layers, (layer) => directory.blob((sink) => writer.write(layer, sink, 0)));
  const { manifests, blobs: documents } = ociDocuments(plan.images, blobs, options.compression);
  for (const document of documents) directory.document(document);
  throwIfAborted(options.signal);
  directory.commit(manifests);
  return directory.path;
}

async function saveArchive(store: Store, plan: SavePlan, options: SaveOptions): Promise<string> {
  using output = await openOutput(options.output, options.signal);
  using temporary = new TemporaryFiles(output.workspace);
  await using writer = new LayerWriter(store, options);
  const { blobs, members } =
    options.compression === "none"
      ? plainLayers(store, plan.layers, writer)
      : await compressedLayers(plan.layers, writer, temporary, options.signal);
  const documents = documentsOf(plan, blobs, options);
  await writeArchive(output, output.isSeekable, [...documents, ...members], options.signal);
  throwIfAborted(options.signal);
  output.commit();
  return output.path;
}

/** Everything but layers, in front of them: whoever reads the beginning knows what is in the archive. */
function documentsOf(plan: SavePlan, blobs: ReadonlyMap<DiffId, LayerBlob>, options: SaveOptions): Document[] {
  const directories = ["blobs/", "blobs/sha256/"].map((path) => ({ path, bytes: new Uint8Array(0) }));
  const isThin = plan.images.some(({ base }) => base !== null);
  if (isThin) {
    // Without the blobs that a manifest names it would be no OCI layout.
    const configs = plan.images.map(({ id, config: { bytes } }) => ({ path: blobPath(id as string as Digest), bytes }));
    return [dockerManifest(plan.images), ...directories, ...configs];
  }
  const oci = ociDocuments(plan.images, blobs, options.compression);
  const layout = [LAYOUT_FILE, indexFile(oci.manifests), ...directories, ...oci.blobs];
  return options.format === "docker-archive" ? [dockerManifest(plan.images), ...layout] : layout;
}

/** The layers of an archive: what they are called, how long they are, and how they get into it. */
import { setImmediate } from "node:timers/promises";
import { type FileSink, writeSoon } from "../blob/file-sink.js";
import { fileSource } from "../blob/file-source.js";
import { throwIfAborted } from "../layer/abort.js";
import type { DiffId, Digest } from "../model/digest.js";
import type { Layer } from "./layerdb.js";
import type { ArchiveMember } from "./save-archive.js";
import { blobPath, type LayerBlob } from "./save-documents.js";
import type { LayerWriter, Written } from "./save-layers.js";
import type { TemporaryFiles } from "./save-output.js";
import { tarSize } from "./save-size.js";
import type { Store } from "./store.js";

export interface Content {
  readonly blobs: ReadonlyMap<DiffId, LayerBlob>;
  /** In the order of the layers. */
  readonly members: readonly ArchiveMember[];
}

/** Layers as they are: their digests and sizes are known beforehand, so each is written right where it belongs. */
export function plainLayers(store: Store, layers: readonly Layer[], writer: LayerWriter): Content {
  const blobs = new Map<DiffId, LayerBlob>();
  const members: ArchiveMember[] = [];
  for (const layer of layers) {
    const digest = layer.diffId as string as Digest;
    const size = tarSize(store, layer);
    blobs.set(layer.diffId, { digest, size });
    members.push({
      path: blobPath(digest),
      size,
      write: async (sink, offset) => (await writer.write(layer, sink, offset)).size,
    });
  }
  return { blobs, members };
}

/** Layers whose size is known once they are written: into temporary files, and from there into the archive. */
export async function compressedLayers(
  layers: readonly Layer[],
  writer: LayerWriter,
  temporary: TemporaryFiles,
  signal: AbortSignal | undefined,
): Promise<Content> {
  const files = new Map<DiffId, FileSink>();
  const blobs = await eachLayer(layers, (layer) => {
    const file = temporary.open();
    files.set(layer.diffId, file);
    return writer.write(layer, file, 0);
  });
  const members = layers.map(({ diffId }): ArchiveMember => {
    const { digest, size } = blobs.get(diffId) as LayerBlob;
    const { fd } = files.get(diffId) as FileSink;
    return {
      path: blobPath(digest),
      size,
      write: (sink, offset) => copy({ fd, size }, sink, offset, () => throwIfAborted(signal)),
    };
  });
  return { blobs, members };
}

/** Rejects with what the first of them fails with. */
export async function eachLayer(
  layers: readonly Layer[],
  write: (layer: Layer) => Promise<Written>,
): Promise<Map<DiffId, LayerBlob>> {
  return new Map(await Promise.all(layers.map(async (layer) => [layer.diffId, await write(layer)] as const)));
}

/** Bytes copied between two looks at the event loop: signals are answered within milliseconds. */
const BURST_BYTES = 4 * 1024 * 1024;

/** @returns bytes copied */
async function copy(
  from: { readonly fd: number; readonly size: number },
  to: FileSink,
  offset: number | null,
  check: () => void,
): Promise<number> {
  const source = fileSource({ ...from, offset: 0 });
  let done = 0;
  let burst = BURST_BYTES;
  for (let bytes = source.read(); bytes !== null; bytes = source.read()) {
    await writeSoon(to, bytes, offset === null ? null : offset + done, check);
    done += bytes.length;
    burst -= bytes.length;
    if (burst > 0) continue;
    await setImmediate();
    check();
    burst = BURST_BYTES;
  }
  return done;
}

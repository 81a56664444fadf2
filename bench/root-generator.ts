/**
 * A docker root of any size, as `ovl pull` and `ovl create` would leave it after years of use: images that share a
 * few bases and runtimes and have about ten layers of their own, and a container each. Layers are small, but all of
 * a layer is there: files, tar-split, digests that match, so that fsck calls the root clean and dockerd works on it.
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ByteSource } from "../src/blob/byte-source.js";
import { type Crc64, loadCrc64 } from "../src/blob/crc64.js";
import { containerJson } from "../src/container/container-json.js";
import { hostConfigJson } from "../src/container/host-config.js";
import { fillInitLayer } from "../src/container/init-layer.js";
import { NewContainer } from "../src/container/new-container.js";
import { runConfig } from "../src/container/run-config.js";
import { LayerApplier } from "../src/layer/apply.js";
import { byteStringOf } from "../src/model/bytes.js";
import { type ImageConfig, parseImageConfig } from "../src/model/config.js";
import { type DiffId, type ImageId, sha256 } from "../src/model/digest.js";
import { parseReference } from "../src/model/reference.js";
import type { Layer } from "../src/store/layerdb.js";
import { openStore, type Store } from "../src/store/store.js";
import { END_OF_ARCHIVE, encodeHeader, type NewEntry, padding } from "../src/tar/writer.js";
import { SplitReader } from "../src/tar-split/disassemble.js";
import { TarSplitWriter } from "../src/tar-split/writer.js";

/** How many of each; at least ten layers for each ten images. */
export interface RootSize {
  readonly images: number;
  readonly layers: number;
  readonly containers: number;
}

const CREATED = 1_600_000_000;
const IMAGES_OF_A_BASE = 50;
const IMAGES_OF_A_RUNTIME = 10;
const LAYERS_OF_A_RUNTIME = 3;

/** @param root absent or empty */
export async function generateRoot(root: string, size: RootSize): Promise<void> {
  await using store = await openStore({ root, driver: "overlay2" }, "write");
  const generator = new Generator(store, await loadCrc64());
  const images = generator.images(size);
  generator.containers(images, size.containers);
}

interface Made {
  readonly name: string;
  readonly config: ImageConfig;
  readonly top: Layer;
}

class Generator {
  readonly #store: Store;
  readonly #newCrc64: () => Crc64;
  #layers = 0;

  constructor(store: Store, newCrc64: () => Crc64) {
    this.#store = store;
    this.#newCrc64 = newCrc64;
  }

  images({ images, layers }: RootSize): Made[] {
    const bases = this.#stacks(Math.ceil(images / IMAGES_OF_A_BASE), 1, []);
    const runtimes = this.#stacks(Math.ceil(images / IMAGES_OF_A_RUNTIME), LAYERS_OF_A_RUNTIME, bases);
    const own = layers - this.#layers;
    const made: Made[] = [];
    for (let i = 0; i < images; i++) {
      const stack = [...(runtimes[i % runtimes.length] as Layer[])];
      const height = Math.floor(((i + 1) * own) / images) - Math.floor((i * own) / images);
      for (let j = 0; j < height; j++) stack.push(this.#layer(stack.at(-1) ?? null));
      made.push(this.#image(i, stack));
    }
    this.#store.repositories.update((names) => {
      for (const { name, config } of made) {
        names.tag(`${name}:1.${made.length % 7}`, config.id);
        names.tag(parseReference(`${name}@${sha256(`manifest of ${config.id}`)}`), config.id);
      }
    });
    return made;
  }

  containers(images: readonly Made[], count: number): void {
    for (let i = 0; i < count; i++) this.#container(i, images[i % images.length] as Made);
  }

  /** Each on one of those below, in turn. */
  #stacks(count: number, height: number, below: readonly Layer[][]): Layer[][] {
    return Array.from({ length: count }, (_, i) => {
      const stack = [...(below[i % below.length] ?? [])];
      for (let j = 0; j < height; j++) stack.push(this.#layer(stack.at(-1) ?? null));
      return stack;
    });
  }

  #layer(parent: Layer | null): Layer {
    const tar = layerTar(this.#layers++);
    using layer = this.#store.layers.begin(parent?.cacheId ?? null);
    using applier = new LayerApplier(layer.contentDir);
    const pieces: Buffer[] = [];
    using split = new TarSplitWriter((bytes) => pieces.push(Buffer.from(bytes)));
    const reader = new SplitReader(once(tar), split, this.#newCrc64);
    for (let entry = reader.next(); entry !== null; entry = reader.next()) applier.apply(entry, reader.payload());
    reader.finish();
    split.end();
    writeFileSync(layer.tarSplitPath, Buffer.concat(pieces));
    const diffId = sha256(tar) as string as DiffId;
    return layer.commit({ diffId, parent: parent?.chainId ?? null, size: applier.finish().size });
  }

  #image(number: number, stack: readonly Layer[]): Made {
    const config = Buffer.from(
      JSON.stringify(
        imageConfig(
          number,
          stack.map(({ diffId }) => diffId),
        ),
      ),
    );
    const id = this.#store.images.put(config, null);
    this.#store.images.setLastUpdated(id, timeOf(number));
    const name = `registry.example.com/team-${number % 40}/service-${number}`;
    return { name, config: parseImageConfig(config), top: stack.at(-1) as Layer };
  }

  #container(number: number, { name, config, top }: Made): void {
    const id = createHash("sha256").update(`container ${number}`).digest("hex").replace(/^\d/, "a");
    const { driver } = this.#store;
    using container = new NewContainer(this.#store, id, top);
    driver.create(container.initId, top.cacheId);
    const below = [driver.contentDir(top.cacheId), ...driver.lowerDirs(top.cacheId)];
    fillInitLayer(container.initDir, below, process.getuid?.() === 0);
    driver.create(container.mountId, container.initId);
    writeFileSync(join(container.dir, "written-by-the-container"), `${number}\n`);
    const asked = { command: [], env: [`NUMBER=${number}`], workingDir: null, entrypoint: null, hostname: null };
    const run = runConfig(config, name, id, { ...asked, labels: new Map([["number", String(number)]]) });
    const named = { id, name: `container-${number}`, named: true, driver: driver.name };
    const imageId: ImageId = config.id;
    const document = { ...named, imageId, created: timeOf(number), run, mountPoints: new Map() };
    container.writeDocuments(hostConfigJson(), containerJson(document));
    container.commit();
  }
}

/** A few small files in directories that other layers have too. */
function layerTar(number: number): Buffer {
  const name = `usr/share/package-${number}`;
  const text = `files of package ${number}\n`.repeat(20);
  return Buffer.concat([
    ...["usr/", "usr/share/", `${name}/`].map((path) =>
      entry({ type: "directory", name: byteStringOf(path), mode: 0o755 }),
    ),
    entry({ type: "file", name: byteStringOf(`${name}/data`), mode: 0o644 }, text),
    entry({ type: "file", name: byteStringOf(`${name}/copyright`), mode: 0o644 }, `${number}\n`),
    END_OF_ARCHIVE,
  ]);
}

function entry(fields: NewEntry, text = ""): Buffer {
  const header = encodeHeader({ ...fields, size: text.length, mtime: { sec: CREATED, nsec: 0 } });
  return Buffer.concat([header, Buffer.from(text), padding(text.length)]);
}

/** With the history, labels and environment that a Dockerfile of that many steps leaves. */
function imageConfig(number: number, diffIds: readonly DiffId[]) {
  const created = timeOf(number);
  return {
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    config: {
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", `SERVICE=${number}`],
      Cmd: ["/usr/bin/service", "--number", String(number)],
      Labels: { "org.opencontainers.image.title": `service ${number}` },
    },
    created,
    history: diffIds.flatMap((_, i) => [
      { created, created_by: `/bin/sh -c install package ${i} of service ${number}` },
      ...(i % 3 === 2 ? [{ created, created_by: `/bin/sh -c #(nop)  ENV STEP=${i}`, empty_layer: true }] : []),
    ]),
    os: "linux",
    rootfs: { type: "layers", diff_ids: diffIds },
  };
}

/** One an hour. */
function timeOf(number: number): string {
  return new Date((CREATED + 3600 * number) * 1000).toISOString().replace(".000Z", "Z");
}

function once(bytes: Uint8Array): ByteSource {
  let rest: Uint8Array | null = bytes;
  return {
    read: () => {
      const chunk = rest;
      rest = null;
      return chunk;
    },
  };
}

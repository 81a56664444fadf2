/** Archives and layouts whose documents are wrong: manifests, indexes, configs, the lists of old docker archives. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeTree } from "../../src/driver/remove-tree.js";
import { OvlError } from "../../src/errors.js";
import { parseReference } from "../../src/model/reference.js";
import { openSource } from "../../src/source/open-source.js";
import { configChain } from "../../src/store/chain.js";
import { configHistory } from "../../src/store/history.js";
import { inspectConfig } from "../../src/store/inspect.js";
import {
  archive,
  dockerArchive,
  type Files,
  gzip,
  hex,
  hybridArchive,
  image,
  ociLayout,
  sha256,
  writeFiles,
} from "../support/image-builder.js";
import { file, layer } from "../support/tar-builder.js";
import { damaged } from "./bytes.js";
import { damagedJson } from "./documents.js";
import { type Kind, MAX_BYTES, refusalOfAsync } from "./kind.js";
import type { Random } from "./random.js";

const rich = {
  author: "me",
  config: {
    Env: ["A=b"],
    Cmd: ["sh"],
    Entrypoint: ["/x"],
    Labels: { a: "b" },
    ExposedPorts: { "80/tcp": {} },
    Volumes: { "/v": {} },
    Healthcheck: { Test: ["CMD", "x"], Interval: 1_000_000_000 },
    WorkingDir: "/",
    User: "0",
  },
};
const one = image({
  names: ["app:1", "registry.example.com/team/app:2"],
  layers: [layer(file("a", "a"))],
  config: rich,
});
const two = image({ names: ["other:1"], layers: [...one.layers, layer(file("b", "b"))] });
const forms: readonly (() => Files)[] = [
  () => dockerArchive([one, two]),
  () => ociLayout([one, two], { compress: gzip, suffix: "+gzip" }),
  () => ociLayout([two], { docker: true }),
  () => hybridArchive([one, two]),
];

export const sourceKind: Kind = {
  async run(random, { own }) {
    const files = random.pick(forms)();
    const paths = [...files.keys()].filter((path) => !/layer\.tar$|VERSION$/.test(path));
    for (const path of new Set(random.some(1, () => random.pick(paths)).concat(random.pick(paths)))) {
      changeDocument(files, path, random);
    }
    const asDirectory = files.has("oci-layout") && random.once(3);
    const path = join(own, asDirectory ? "layout" : "archive.tar");
    if (asDirectory) writeFiles(files, path);
    else writeFileSync(path, random.once(20) ? damaged(archive(files), random) : archive(files));
    try {
      await refusalOfAsync(() => ask(path));
    } finally {
      removeTree(path);
    }
  },
};

/** Everything that is asked of a source without its layers. */
async function ask(path: string): Promise<void> {
  const { source } = await openSource(path, undefined, MAX_BYTES);
  await using _ = source;
  for (const platform of [null, { os: "linux", architecture: "amd64", variant: null }]) {
    const found = await refusalOfAsync(() => source.images({ name: null, platform }));
    for (const each of found instanceof OvlError ? [] : found) {
      const sizes = each.layers.map(({ size }) => size);
      const names = each.names.map((name) => parseReference(name));
      JSON.stringify(inspectConfig(each.config, names, each.parent));
      JSON.stringify([configHistory(each.config, sizes, []), configChain(each.config)]);
      for (const blob of each.layers) await refusalOfAsync(() => blob.open());
    }
  }
  await refusalOfAsync(() => source.images({ name: "other:1", platform: null }));
}

/** Blobs that are named by their digests get the new one's, in every document that names them: the lie is deeper. */
function changeDocument(files: Files, path: string, random: Random): void {
  const content = files.get(path);
  if (!(content instanceof Uint8Array)) return;
  const json = parsed(content);
  const changed = json === undefined ? damaged(content, random) : damagedJson(json, random);
  const old = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1] ?? (path.endsWith(".json") ? hexName(path) : undefined);
  files.delete(path);
  if (old === undefined || random.once(6)) {
    files.set(path, changed);
    return;
  }
  const now = hex(sha256(changed));
  files.set(path.replace(old, now), changed);
  for (const [name, other] of [...files]) {
    if (!(other instanceof Uint8Array) || other === changed || !/json$|^blobs\//.test(name)) continue;
    const text = Buffer.from(other).toString("latin1");
    if (!text.includes(old)) continue;
    files.delete(name);
    const resized = text.replaceAll(old, now).replaceAll(`"size":${content.length}`, `"size":${changed.length}`);
    files.set(name, Buffer.from(resized, "latin1"));
    if (name.startsWith("blobs/")) renameBlob(files, name);
  }
}

/** A manifest that names another config is another manifest, and the index names that one. */
function renameBlob(files: Files, path: string): void {
  const content = files.get(path) as Uint8Array;
  const [old, now] = [path.slice(-64), hex(sha256(content))];
  files.delete(path);
  files.set(`blobs/sha256/${now}`, content);
  const index = files.get("index.json");
  if (!(index instanceof Uint8Array)) return;
  files.set("index.json", Buffer.from(Buffer.from(index).toString("latin1").replaceAll(old, now), "latin1"));
}

function hexName(path: string): string | undefined {
  return /^([0-9a-f]{64})\.json$/.exec(path)?.[1];
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

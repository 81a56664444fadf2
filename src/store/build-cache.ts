/** Layers that BuildKit's cache stands on: dockerd holds them, whether an image has them or not. */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { readSmall } from "../driver/files.js";
import { isDirectory } from "../driver/is-directory.js";
import { osError } from "../errors.js";
import { type ChainId, isChainId } from "../model/digest.js";
import { type BoltEntry, boltEntries } from "./bolt.js";

/** Some 500 bytes a record. */
const MAX_DATABASE = 128 * 1024 * 1024;

/**
 * In `ROOT/buildkit`, each record of `metadata_v2.db` has a snapshot, by its own name or that in `cache.snapshot`; what
 * layer that is says its name, a ChainID, or its `chainid` in `snapshots.db`, which keeps some whose record has gone.
 * dockerd holds the layers of records when it starts. Where a database cannot be read they may be any. Throws PERMISSION.
 */
export function cachedLayers(root: string): Pick<ReadonlySet<ChainId>, "has"> {
  const dir = join(root, "buildkit");
  if (lstatSync(dir, { throwIfNoEntry: false }) === undefined) return new Set();
  const records = isDirectory(dir) ? entriesOf(join(dir, "metadata_v2.db")) : null;
  const snapshots = isDirectory(dir) ? entriesOf(join(dir, "snapshots.db")) : null;
  if (records === null || snapshots === null) return { has: () => true };
  const names = new Set(records.map(snapshotOf));
  const layers = new Set([...names].filter(isChainId));
  for (const { bucket, key, value } of snapshots) {
    if (bucket === null || textOf(key) !== "chainid" || !names.has(textOf(bucket))) continue;
    layers.add(textOf(value) as ChainId);
  }
  return layers;
}

function snapshotOf({ key, value }: BoltEntry): string {
  const name = textOf(key);
  return name === "cache.snapshot" ? (/^{"value":"([^"]*)"/.exec(textOf(value))?.[1] ?? name) : name;
}

function textOf(bytes: Buffer): string {
  return bytes.toString("latin1");
}

/** No entries where the file is absent; null where it is no such database. */
function entriesOf(path: string): BoltEntry[] | null {
  const file = readSmall(path, MAX_DATABASE);
  if (file.kind === "absent") return [];
  if (file.kind === "bad" && file.reason === "EACCES") throw osError("EACCES", `read ${path}`, { path });
  return file.kind === "read" ? boltEntries(file.bytes) : null;
}

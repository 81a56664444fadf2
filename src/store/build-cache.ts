/** Layers that BuildKit's cache stands on: dockerd holds them, whether an image has them or not. */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { readSmall } from "../driver/files.js";
import { isDirectory } from "../driver/is-directory.js";
import { osError } from "../errors.js";
import { type ChainId, isChainId } from "../model/digest.js";
import { type BoltEntry, visitBolt } from "./bolt.js";

/** Bytes of a database, which is read into memory; some 500 are a record. A larger one may name anything. */
export const MAX_DATABASE = 128 * 1024 * 1024;
/** A ChainID has 71 characters, BuildKit's own ids have 25. */
const LONGEST_NAME = 128;

/**
 * In `ROOT/buildkit`, each record of `metadata_v2.db` has a snapshot, by its own name or that in `cache.snapshot`; what
 * layer that is says its name, a ChainID, or its `chainid` in `snapshots.db`, which keeps some whose record has gone.
 * dockerd holds the layers of records when it starts. Where a database cannot be read they may be any. Throws
 * PERMISSION.
 */
export function cachedLayers(root: string): Pick<ReadonlySet<ChainId>, "has"> {
  const dir = join(root, "buildkit");
  if (lstatSync(dir, { throwIfNoEntry: false }) === undefined) return new Set();
  const snapshots = new Set<string>();
  const layers = new Set<ChainId>();
  const isRead =
    isDirectory(dir) &&
    visit(join(dir, "metadata_v2.db"), (record) => {
      const name = snapshotOf(record);
      if (name.length > LONGEST_NAME) return;
      snapshots.add(name);
      if (isChainId(name)) layers.add(name);
    }) &&
    visit(join(dir, "snapshots.db"), ({ bucket, key, value }) => {
      if (bucket !== null && textOf(key) === "chainid" && snapshots.has(textOf(bucket))) {
        layers.add(textOf(value) as ChainId);
      }
    });
  return isRead ? layers : { has: () => true };
}

function snapshotOf({ key, value }: BoltEntry): string {
  const name = textOf(key);
  return name === "cache.snapshot" ? (/^{"value":"([^"]*)"/.exec(textOf(value))?.[1] ?? name) : name;
}

function textOf(bytes: Buffer): string {
  return bytes.toString("latin1");
}

/** An absent file has no entries. False for what is no such database. */
function visit(path: string, visitor: (entry: BoltEntry) => void): boolean {
  const file = readSmall(path, MAX_DATABASE);
  if (file.kind === "absent") return true;
  if (file.kind === "bad" && file.reason === "EACCES") throw osError("EACCES", `read ${path}`, { path });
  return file.kind === "read" && visitBolt(file.bytes, visitor);
}

/** Image configs, what is noted about them, and their names, as they are on disk. */
import { join } from "node:path";
import { OvlError } from "../errors.js";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../model/config.js";
import { chainIdsOf, type ImageId, imageIdOf, isImageId } from "../model/digest.js";
import { referenceOf } from "../model/reference.js";
import { MAX_NAMES_BYTES, parseRepositories } from "../store/repositories-json.js";
import type { FsckFiles } from "./fsck-files.js";
import type { ImageRecord, MetadataRecord, NameRecord, Names } from "./fsck-picture.js";
import type { Listing } from "./listing.js";

export function readImages(files: FsckFiles, imagedb: string, content: Listing, metadata: Listing) {
  const images = new Map<ImageId, ImageRecord>();
  for (const { name } of content.values()) {
    const id = `sha256:${name}`;
    if (isImageId(id)) images.set(id, readImage(files, id, join(imagedb, "content", "sha256", name)));
  }
  const records = new Map<string, MetadataRecord>();
  for (const { name, kind } of metadata.values()) {
    const id = `sha256:${name}`;
    const dir = join(imagedb, "metadata", "sha256", name);
    if (!isImageId(id) || kind !== "directory") continue;
    const found = files.listWithTexts(dir, ["parent", "lastUpdated"]);
    if (found === null || typeof found === "string") continue;
    const [parent, lastUpdated] = found.texts;
    records.set(id, { id, dir, entries: found.entries, parent, lastUpdated });
  }
  return { images, metadata: records };
}

function readImage(files: FsckFiles, id: ImageId, path: string): ImageRecord {
  const none = { id, path, diffIds: [], chain: [] };
  const file = files.read(path, MAX_CONFIG_BYTES);
  if (file.kind === "absent") return { ...none, state: "unreadable", detail: "it has gone" };
  if (file.kind === "bad") return { ...none, state: "unreadable", detail: `it ${file.reason}` };
  const actual = imageIdOf(file.bytes);
  if (actual !== id) return { ...none, state: "changed", detail: `found ${actual}, ${file.bytes.length} bytes` };
  try {
    const { diffIds } = parseImageConfig(file.bytes);
    return { id, path, state: "sound", detail: "", diffIds, chain: chainIdsOf(diffIds) };
  } catch (thrown) {
    if (!(thrown instanceof OvlError)) throw thrown;
    return { ...none, state: "invalid", detail: thrown.message };
  }
}

/** @param hidden the directory that it should be in is none */
export function readNames(files: FsckFiles, path: string, hidden: boolean): Names {
  if (hidden) return { path, problem: null, names: [] };
  const damaged = (problem: string): Names => ({ path, problem, names: [] });
  const file = files.read(path, MAX_NAMES_BYTES);
  if (file.kind === "absent") return { path, problem: null, names: [] };
  if (file.kind === "bad") return damaged(`it ${file.reason}`);
  const found = parseRepositories(file.bytes);
  if (typeof found === "string") return damaged(`it ${found}`);
  if (found.isNull) return damaged("it has no object Repositories, and dockerd crashes at the first tag");
  const names: NameRecord[] = [];
  for (const [repository, references] of found.names) {
    for (const [text, imageId] of references) names.push({ repository, text, reference: referenceOf(text), imageId });
  }
  return { path, problem: null, names };
}

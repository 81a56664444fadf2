/** Archives that are not what they say. */
import type { ErrorCode } from "../../../src/errors.js";
import { archive, dockerArchive, type Files, gzip, hex, type Image, image } from "../../support/image-builder.js";
import { entry, file, layer, tar } from "../../support/tar-builder.js";
import { type Case, made, marker } from "./case.js";
import { edited, plain, save } from "./plain.js";

/** A broken archive of one plain image. */
function broken(code: ErrorCode, title: string, make: (of: Image) => Uint8Array, apart = false): Case {
  const of = plain(title);
  return made(title, [of], make(of), { refused: code, apart });
}
const withManifest = (of: Image, change: (item: Record<string, unknown>) => object) =>
  archive(dockerArchive([of], { manifest: (items) => items.map(change) }));

export const lies: readonly Case[] = [
  broken("DIFF_ID_MISMATCH", "a layer with another diff id", (of) =>
    edited(of, (files) => files.set(layerPath(files, 1), layer(file("swapped", "x")))),
  ),
  broken("DIFF_ID_MISMATCH", "two layers in the wrong order", (of) =>
    withManifest(of, (item) => ({ ...item, Layers: [...(item["Layers"] as string[])].reverse() })),
  ),
  broken("BAD_MANIFEST", "fewer layers than diff ids", (of) =>
    withManifest(of, (item) => ({ ...item, Layers: (item["Layers"] as string[]).slice(1) })),
  ),
  broken("BAD_MANIFEST", "more layers than diff ids", (of) =>
    withManifest(of, (item) => ({
      ...item,
      Layers: [...(item["Layers"] as string[]), ...(item["Layers"] as string[])],
    })),
  ),
  broken("BAD_ARCHIVE", "a layer that is not in the archive", (of) =>
    edited(of, (files) => files.delete(layerPath(files, 1))),
  ),
  broken("BAD_ARCHIVE", "a layer that is a dangling symlink", (of) =>
    edited(of, (files) => files.set(layerPath(files, 1), { symlink: "nowhere" })),
  ),
  broken("BAD_ARCHIVE", "a layer that is a directory", (of) =>
    edited(of, (files) => {
      const path = layerPath(files, 1);
      files.delete(path);
      files.set(`${path}/x`, Buffer.from("x"));
    }),
  ),
  broken("BAD_ARCHIVE", "a config that is not in the archive", (of) =>
    edited(of, (files) => files.delete(`${hex(of.id)}.json`)),
  ),
  broken("BAD_MANIFEST", "a manifest that is no JSON", (of) =>
    edited(of, (files) => files.set("manifest.json", Buffer.from("[{"))),
  ),
  broken("BAD_MANIFEST", "a manifest that is an object", (of) =>
    edited(of, (files) => files.set("manifest.json", Buffer.from("{}"))),
  ),
  broken("BAD_MANIFEST", "a manifest with a number as config", (of) =>
    withManifest(of, (item) => ({ ...item, Config: 7 })),
  ),
  broken(
    "BAD_MANIFEST",
    "a name in upper case",
    (of) => withManifest(of, (item) => ({ ...item, RepoTags: ["UPPER:1"] })),
    true,
  ),
  broken(
    "BAD_MANIFEST",
    "a name without a tag",
    (of) => withManifest(of, (item) => ({ ...item, RepoTags: ["corpus/notag"] })),
    true,
  ),
  broken("BAD_MANIFEST", "an empty name", (of) => withManifest(of, (item) => ({ ...item, RepoTags: [""] })), true),
  broken(
    "BAD_MANIFEST",
    "a name that is a digest only",
    (of) => withManifest(of, (item) => ({ ...item, RepoTags: [`corpus/digest@sha256:${"ef".repeat(32)}`] })),
    true,
  ),
  broken("BAD_ARCHIVE", "an archive cut in the middle", (of) => save(of).subarray(0, 5000)),
  broken("BAD_ARCHIVE", "an archive of zeros", () => Buffer.alloc(10240)),
  broken("BAD_ARCHIVE", "an archive of no bytes", () => Buffer.alloc(0)),
  broken("BAD_ARCHIVE", "an archive of text", () => Buffer.from("not an archive\n".repeat(100))),
  broken("BAD_ARCHIVE", "a gzip stream cut in the middle", (of) => gzip(save(of)).subarray(0, 700)),
  broken("BAD_ARCHIVE", "a gzip stream with a bad checksum", (of) => flip(gzip(save(of)), -6)),
  broken("BAD_ARCHIVE", "a gzip stream with garbage behind it", (of) =>
    Buffer.concat([gzip(save(of)), Buffer.from("garbage!!")]),
  ),
  broken("BAD_ARCHIVE", "a gzip layer with garbage behind it", (of) =>
    archive(dockerArchive([of], { compress: (b) => Buffer.concat([gzip(b), Buffer.from("garbage behind it")]) })),
  ),
  broken("BAD_ARCHIVE", "a gzip layer with zeros behind it", (of) =>
    archive(dockerArchive([of], { compress: (b) => Buffer.concat([gzip(b), Buffer.alloc(512)]) })),
  ),
  broken("BAD_ARCHIVE", "a gzip layer with a bad checksum", (of) =>
    archive(dockerArchive([of], { compress: (b) => flip(gzip(b), -6) })),
  ),
  broken("BAD_ARCHIVE", "a gzip layer that is cut", (of) =>
    archive(dockerArchive([of], { compress: (b) => gzip(b).subarray(0, -8) })),
  ),
  broken("BAD_ARCHIVE", "an archive member of an unknown type", (of) => tar(entry("Z", "odd"), save(of))),
  broken("PATH_ESCAPE", "manifest paths that climb", (of) =>
    withManifest(of, (item) => ({ ...item, Config: `../../${item["Config"]}` })),
  ),
  wrongParent(),
];

function wrongParent(): Case {
  const title = "a Parent whose history does not fit";
  const base = layer(marker(title), file("base", title));
  const parent = image({ layers: [base], names: ["corpus/misfit:1"] });
  const child = image({
    layers: [base, layer(file("c", "c"))],
    names: ["corpus/misfit:2"],
    parent: parent.id,
    config: { history: [{ created_by: "unlike" }, { created_by: "the parent's" }] },
  });
  return made(title, [parent, child], save(parent, child), { refused: "BAD_MANIFEST", apart: true });
}

/** Path of a layer's member, by its place from the bottom. */
function layerPath(files: Files, index: number): string {
  return [...files.keys()].filter((path) => path.endsWith("/layer.tar"))[index] as string;
}

/** Inverts a byte, counted from the end. */
function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = copy.length + at;
  copy[index] = (copy[index] as number) ^ 0xff;
  return copy;
}

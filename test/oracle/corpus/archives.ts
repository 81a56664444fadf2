/** Archive forms: docker's old and new, compressed, linked, shared, tagged; and those that lie about themselves. */
import type { ErrorCode } from "../../../src/errors.js";
import {
  archive,
  dockerArchive,
  type Files,
  gzip,
  gzipMembers,
  hex,
  hybridArchive,
  type Image,
  image,
  json,
  MEDIA,
  ociLayout,
} from "../../support/image-builder.js";
import { dir, END, entry, file, hardlink, layer, symlink, tar, whiteout } from "../../support/tar-builder.js";
import { zstd } from "../../support/zstd.js";
import { type Case, made, marker, nameOf } from "./case.js";

/** An image of two layers that no other case has. */
function plain(title: string, over: Partial<Parameters<typeof image>[0]> = {}): Image {
  const layers = [
    layer(marker(title), dir("d/", { mtime: 4 }), file("d/a", `a of ${title}\n`.repeat(300))),
    layer(whiteout("d/a"), file("d/b", "b", { mode: 0o4755 })),
  ];
  return image({ layers, names: [nameOf(title)], ...over });
}

/** A case of one plain image, whose archive is made by the caller; dockerd gets `twin` of it where given. */
function form(title: string, make: (of: Image) => Uint8Array, twin = false): Case {
  const of = plain(title);
  const bytes = make(of);
  return made(title, [of], bytes, twin ? { dockerd: archive(dockerArchive([of])) } : {});
}

const save = (...images: readonly Image[]) => archive(dockerArchive(images));

function edited(of: Image, edit: (files: Files) => void): Uint8Array {
  const files = dockerArchive([of]);
  edit(files);
  return archive(files);
}

const forms: readonly Case[] = [
  form("hybrid archive of a newer docker save", (of) => archive(hybridArchive([of]))),
  form("whole archive compressed by gzip", (of) => gzip(save(of))),
  form("whole archive in several gzip members", (of) => gzipMembers(save(of))),
  form("whole archive compressed by zstd", (of) => zstd(save(of)), true),
  form("layers compressed by gzip", (of) => archive(dockerArchive([of], { compress: gzip }))),
  form("layers in several gzip members", (of) => archive(dockerArchive([of], { compress: (b) => gzipMembers(b) }))),
  form("layers compressed by zstd", (of) => archive(dockerArchive([of], { compress: zstd })), true),
  form("members with a leading dot and slash", (of) =>
    archive(new Map([...dockerArchive([of])].map(([path, content]) => [`./${path}`, content]))),
  ),
  form("manifest json at the front", (of) => archive(new Map([...dockerArchive([of])].reverse()))),
  form("no end of archive and no directories", (of) =>
    tar(...[...dockerArchive([of])].map(([path, content]) => file(path, content as Uint8Array))),
  ),
  form("a member written twice, the last counts", (of) =>
    tar(file("manifest.json", "[]"), file(`${hex(of.id)}.json`, "{}"), save(of)),
  ),
  form("members with GNU headers and PAX paths", (of) =>
    tar(
      ...[...dockerArchive([of])].map(([path, content]) =>
        file("renamed", content as Uint8Array, { pax: { path }, magic: "gnu" }),
      ),
      END,
    ),
  ),
  form("a layer that is a symlink to a symlink", (of) =>
    relinked(of, (path, bytes) => [file("store/data", bytes), symlink("hop", "store/data"), symlink(path, "../hop")]),
  ),
  form("a layer that is an absolute symlink", (of) =>
    relinked(of, (path, bytes) => [file("store/data", bytes), symlink(path, "/store/data")]),
  ),
  form("a layer that is a hard link", (of) =>
    relinked(of, (path, bytes) => [file("store/data", bytes), hardlink(path, "store/data")]),
  ),
  form("a layer below a symlinked directory", (of) =>
    relinked(of, (path, bytes) => {
      const at = path.indexOf("/");
      return [dir("real/"), symlink(path.slice(0, at), "real"), file(`real${path.slice(at)}`, bytes)];
    }),
  ),
  form("manifest with keys in lower case and unknown ones", (of) =>
    archive(
      dockerArchive([of], {
        manifest: (items) =>
          items.map((item) => ({ config: item["Config"], repotags: item["RepoTags"], layers: item["Layers"], x: 1 })),
      }),
    ),
  ),
  form("manifest with bytes behind it", (of) =>
    edited(of, (files) =>
      files.set("manifest.json", Buffer.concat([files.get("manifest.json") as Buffer, Buffer.from("junk")])),
    ),
  ),
  form("manifest paths that are not tidy", (of) =>
    archive(
      dockerArchive([of], {
        manifest: (items) =>
          items.map((item) => ({
            ...item,
            Config: `./x/../${item["Config"]}`,
            Layers: (item["Layers"] as string[]).map((l) => `/${l}`),
          })),
      }),
    ),
  ),
];

/** The archive with its first layer put in by the caller. */
function relinked(of: Image, put: (path: string, bytes: Uint8Array) => Uint8Array[]): Uint8Array {
  const files = dockerArchive([of]);
  const [path, bytes] = [...files].find(([name]) => name.endsWith("/layer.tar")) as [string, Uint8Array];
  const rest = [...files].filter(([name]) => name !== path && !name.startsWith(`${path.split("/")[0]}/`));
  return tar(...put(path, bytes), archive(new Map(rest)));
}

const oci: readonly Case[] = [
  form("OCI archive with plain layers", (of) => archive(ociLayout([of])), true),
  form("OCI archive with gzip layers", (of) => archive(ociLayout([of], { compress: gzip, suffix: "+gzip" })), true),
  form(
    "OCI archive with several gzip members a layer",
    (of) => archive(ociLayout([of], { compress: (b) => gzipMembers(b), suffix: "+gzip" })),
    true,
  ),
  form("OCI archive with zstd layers", (of) => archive(ociLayout([of], { compress: zstd, suffix: "+zstd" })), true),
  form("OCI archive with docker media types", (of) => archive(ociLayout([of], { compress: gzip, docker: true })), true),
  form("OCI archive named by ref name", (of) => archive(ociLayout([of], { naming: "ref-name" })), true),
  form("OCI archive compressed as a whole", (of) => gzip(archive(ociLayout([of]))), true),
  form(
    "OCI archive with a nested index, platforms and attestations",
    (of) =>
      archive(
        ociLayout([of], {
          compress: gzip,
          suffix: "+gzip",
          index(descriptors, put) {
            const host = {
              ...descriptors[0],
              platform: { os: "linux", architecture: process.arch === "arm64" ? "arm64" : "amd64" },
            };
            const other = put(json({ schemaVersion: 2, mediaType: MEDIA.manifest, layers: [] }), MEDIA.manifest);
            const inner = put(
              json({
                schemaVersion: 2,
                mediaType: MEDIA.index,
                manifests: [
                  { ...other, platform: { os: "linux", architecture: "s390x" } },
                  host,
                  {
                    ...other,
                    platform: { os: "unknown", architecture: "unknown" },
                    annotations: { "vnd.docker.reference.type": "attestation-manifest" },
                  },
                ],
              }),
              MEDIA.index,
            );
            return {
              schemaVersion: 2,
              manifests: [{ ...inner, ...(host.annotations && { annotations: host.annotations }) }],
            };
          },
        }),
      ),
    true,
  ),
];

const tagged = (title: string, names: readonly string[]) => {
  const of = plain(title, { names });
  return made(title, [of], save(of));
};

const sets: readonly Case[] = [
  several("several images that share layers", (base) => [
    image({ layers: [base], names: ["corpus/shared:base"] }),
    image({ layers: [base, layer(file("x", "x of shared"))], names: ["corpus/shared:x", "corpus/shared:latest"] }),
    image({ layers: [base, layer(file("y", "y of shared"))], names: ["other/shared:y"] }),
  ]),
  several("several images without names", (base) => [
    image({ layers: [base] }),
    image({ layers: [base, layer(file("z", "z of unnamed"))] }),
  ]),
  several("one image of another's layers only", (base) => [
    image({ layers: [base], names: ["corpus/same:1"] }),
    image({ layers: [base], names: ["corpus/same:2"], config: { comment: "another config" } }),
  ]),
  several("a tag that moves within the archive", (base) => [
    image({ layers: [base], names: ["corpus/moves:1"] }),
    image({ layers: [base], names: ["corpus/moves:1"], config: { comment: "takes the tag" } }),
  ]),
  several("the same image twice", (base) => {
    const one = { layers: [base], config: { comment: "same" } };
    return [image({ ...one, names: ["corpus/twice:1"] }), image({ ...one, names: ["corpus/twice:2"] })];
  }),
  several("images linked by Parent", (base) => {
    const parent = image({ layers: [base], names: ["corpus/parent:1"] });
    const layers = [base, layer(file("child", "c"))];
    return [parent, image({ layers, names: ["corpus/child:1"], parent: parent.id })];
  }),
  several("a Parent that is in no archive", (base) => [
    image({ layers: [base], names: ["corpus/orphan:1"], parent: `sha256:${"ab".repeat(32)}` }),
  ]),
  ...built("layers that the store has need not be in the archive", (of) =>
    edited(of, (files) => {
      for (const path of [...files.keys()]) if (path.endsWith("/layer.tar")) files.delete(path);
    }),
  ),
  ...built("a tag that moves from archive to archive", (of) => save(of)),
  legacy("an archive without manifest json"),
  tagged("an image without a name", []),
  tagged("names in full and familiar form", [
    "docker.io/library/corpus-full:1",
    "index.docker.io/corpus/full:2",
    "docker.io/corpus/full:3",
    "localhost:5000/corpus:4",
    "localhost/corpus:5",
    "quay.io/a/b/c:t",
    "127.0.0.1:5055/foo/bar:6",
    "corpus__x.y-z:V1.0_rc-2",
  ]),
  tagged("names that dockerd says it loads and does not store", [
    `corpus/digested:1@sha256:${"cd".repeat(32)}`,
    "sha256:abc",
  ]),
];

function several(title: string, make: (base: Uint8Array) => Image[]): Case {
  const images = make(layer(marker(title), file("base", title)));
  return made(title, images, save(...images));
}

/** Two archives: an image, and another image of the same layers under the same name. */
function built(title: string, make: (of: Image) => Uint8Array): Case[] {
  const first = plain(title);
  const second = plain(title, { config: { comment: "another config" } });
  return [made(`${title}: before`, [first], save(first)), made(title, [second], make(second))];
}

/** What docker saved before 1.10: layers with a config each, found by their directories and `repositories`. */
function legacy(title: string): Case {
  const ids = ["0a".repeat(32), "0b".repeat(32)] as const;
  const files: Files = new Map();
  for (const [i, id] of ids.entries()) {
    const config = { id, created: "2014-01-01T00:00:00Z", os: "linux", architecture: "amd64", config: { Cmd: ["/x"] } };
    const parent = i === 0 ? {} : { parent: ids[0] };
    files.set(`${id}/VERSION`, Buffer.from("1.0"));
    files.set(`${id}/json`, json({ ...config, ...parent, container_config: { Cmd: [`/bin/sh -c step ${i}`] } }));
    files.set(`${id}/layer.tar`, layer(marker(`${title} ${i}`)));
  }
  files.set("repositories", json({ "corpus/legacy": { "1": ids[1], base: ids[0] } }));
  return made(title, [], archive(files));
}

/** A broken archive of one plain image. */
function broken(code: ErrorCode, title: string, make: (of: Image) => Uint8Array, apart = false): Case {
  const of = plain(title);
  return made(title, [of], make(of), { refused: code, apart });
}
const withManifest = (of: Image, change: (item: Record<string, unknown>) => object) =>
  archive(dockerArchive([of], { manifest: (items) => items.map(change) }));

const lies: readonly Case[] = [
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

export const archives: readonly Case[] = [...forms, ...oci, ...sets, ...lies];

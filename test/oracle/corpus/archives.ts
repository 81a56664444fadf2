import {
  archive,
  dockerArchive,
  gzip,
  gzipMembers,
  hex,
  hybridArchive,
  type Image,
  json,
  MEDIA,
  ociLayout,
} from "../../support/image-builder.js";
import { dir, END, file, hardlink, symlink, tar } from "../../support/tar-builder.js";
import { zstd } from "../../support/zstd.js";
import type { Case } from "./case.js";
import { edited, form, save } from "./plain.js";

const dockerForms: readonly Case[] = [
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

const ociForms: readonly Case[] = [
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

export const archives: readonly Case[] = [...dockerForms, ...ociForms];

/**
 * The images of this directory, as code: the same bytes on every machine and with every Node.
 * A program that runs for itself (`docker run hello:1.0` greets), a few files of /etc, and all that layers do to
 * the layers below: replace, delete, hide.
 */
import { constants, deflateRawSync } from "node:zlib";
import { gzipMember } from "../test/support/gzip.js";
import { helloElf } from "../test/support/hello-elf.js";
import {
  archive,
  type Descriptor,
  dockerArchive,
  type Image,
  image,
  json,
  MEDIA,
  ociLayout,
  type PutBlob,
} from "../test/support/image-builder.js";
import { dir, file, hardlink, layer, opaque, symlink, whiteout } from "../test/support/tar-builder.js";
import { zstdStored } from "../test/support/zstd.js";

type Architecture = "amd64" | "arm64";

interface Step {
  readonly by: string;
  /** Absent for a step that changed the config alone. */
  readonly tar?: Uint8Array;
}

/** File name in this directory, and its bytes. */
export function archives(): ReadonlyMap<string, Buffer> {
  const hello = helloImage("amd64", 5, ["hello:1.0", "hello:latest"]);
  const before = helloImage("amd64", 3, ["registry.example.com/team/hello:0.9"]);
  return new Map([
    ["hello.docker.tar", archive(dockerArchive([hello, before]), { mtime: TIME })],
    ["hello.oci.tar", archive(ociLayout([], { index: (_, put) => mixedIndex(hello, put) }), { mtime: TIME })],
    ["multi.oci.tar", archive(ociLayout([], { index: (_, put) => platformIndex(put) }), { mtime: TIME })],
  ]);
}

/** 2024-03-01T12:00:00Z: of every file and every step. */
const TIME = 1_709_294_400;
const CREATED = "2024-03-01T12:00:00Z";

/** What the first `count` steps make. */
function helloImage(architecture: Architecture, count: number, names: readonly string[]): Image {
  const steps = helloSteps(architecture).slice(0, count);
  return image({
    layers: steps.flatMap(({ tar }) => (tar === undefined ? [] : [tar])),
    names,
    config: {
      architecture,
      ...(architecture === "arm64" ? { variant: "v8" } : {}),
      created: CREATED,
      config: {
        Env: ["PATH=/usr/bin:/bin"],
        Cmd: ["/bin/hello"],
        WorkingDir: "/",
        Labels: { "org.opencontainers.image.title": "hello" },
      },
      history: steps.map(({ by, tar }) => ({
        created: CREATED,
        created_by: by,
        ...(tar === undefined ? { empty_layer: true } : {}),
      })),
    },
  });
}

function helloSteps(architecture: Architecture): readonly Step[] {
  const at = { mtime: TIME };
  const hello = { ...at, uid: 1000, gid: 1000 };
  const program = helloElf(`Hello from ${architecture}.\n`, architecture === "arm64" ? "arm64" : "x64");
  return [
    {
      by: "/bin/sh -c #(nop) ADD dir:base in / ",
      tar: layer(
        dir("bin/", at),
        file("bin/hello", program, { ...at, mode: 0o755 }),
        hardlink("bin/hi", "bin/hello", { ...at, mode: 0o755 }),
        dir("etc/", at),
        file("etc/group", "root:x:0:\n", at),
        file("etc/motd", "Welcome.\n", at),
        file("etc/os-release", 'ID=hello\nPRETTY_NAME="Hello 1"\n', at),
        file("etc/passwd", "root:x:0:0:root:/root:/bin/hello\n", at),
        file("etc/shadow", "root:*:19783:0:99999:7:::\n", { ...at, mode: 0o640, gid: 42 }),
        dir("root/", { ...at, mode: 0o700 }),
        dir("tmp/", { ...at, mode: 0o1777 }),
        dir("usr/", at),
        dir("usr/bin/", at),
        symlink("usr/bin/hello", "../../bin/hello", at),
        dir("usr/share/", at),
        dir("usr/share/doc/", at),
        file("usr/share/doc/README", "A program that greets.\n".repeat(40), at),
        file("usr/share/doc/copyright", "Apache-2.0\n", at),
      ),
    },
    { by: '/bin/sh -c #(nop)  CMD ["/bin/hello"]' },
    {
      by: "/bin/sh -c #(nop) COPY dir:hello.d in /etc/hello.d ",
      tar: layer(
        dir("etc/", at),
        dir("etc/hello.d/", at),
        file("etc/hello.d/10-words.conf", "greeting = Hello\n", { ...at, pax: { mtime: `${TIME}.123456789` } }),
        file("etc/hello.d/20-colours.conf", "colours = auto\n", at),
      ),
    },
    {
      by: "/bin/sh -c adduser --uid 1000 hello",
      tar: layer(
        dir("etc/", at),
        file("etc/group", "root:x:0:\nhello:x:1000:\n", at),
        file("etc/passwd", "root:x:0:0:root:/root:/bin/hello\nhello:x:1000:1000::/home/hello:/bin/hello\n", at),
        dir("home/", at),
        dir("home/hello/", { ...hello, mode: 0o2750 }),
        file("home/hello/.profile", "umask 022\n", hello),
        file("home/hello/caf\u00e9.txt", "un petit noir\n", { ...hello, xattrs: { "user.mime_type": "text/plain" } }),
      ),
    },
    {
      by: "/bin/sh -c rm -r /etc/motd /usr/share/doc/* && echo done > /usr/share/doc/NEWS",
      tar: layer(
        dir("etc/", at),
        whiteout("etc/motd", at),
        dir("usr/", at),
        dir("usr/share/", at),
        dir("usr/share/doc/", at),
        opaque("usr/share/doc", at),
        file("usr/share/doc/NEWS", "done\n", at),
      ),
    },
  ];
}

/** One image, its layers in turn gzip, zstd and plain. */
function mixedIndex(hello: Image, put: PutBlob): unknown {
  const manifest = putManifest(hello, put, [gzip, zstd, plain]);
  const annotations = {
    "io.containerd.image.name": "docker.io/library/hello:1.0",
    "org.opencontainers.image.ref.name": "1.0",
  };
  return { schemaVersion: 2, mediaType: MEDIA.index, manifests: [{ ...manifest, annotations }] };
}

/** An index in the index, as `docker buildx` writes it: a manifest a platform, and an attestation that is none. */
function platformIndex(put: PutBlob): unknown {
  const manifests = (["amd64", "arm64"] as const).map((architecture) => ({
    ...putManifest(helloImage(architecture, 3, []), put, [gzip]),
    platform: { architecture, os: "linux", ...(architecture === "arm64" ? { variant: "v8" } : {}) },
  }));
  const attestation = {
    ...putAttestation(put),
    platform: { architecture: "unknown", os: "unknown" },
    annotations: {
      "vnd.docker.reference.digest": manifests[0]?.digest,
      "vnd.docker.reference.type": "attestation-manifest",
    },
  };
  const inner = put(
    json({ schemaVersion: 2, mediaType: MEDIA.index, manifests: [...manifests, attestation] }),
    MEDIA.index,
  );
  const annotations = {
    "io.containerd.image.name": "docker.io/library/hello:multi",
    "org.opencontainers.image.ref.name": "multi",
  };
  return { schemaVersion: 2, mediaType: MEDIA.index, manifests: [{ ...inner, annotations }] };
}

function putAttestation(put: PutBlob): Descriptor {
  const statement = { _type: "https://in-toto.io/Statement/v0.1", predicateType: "https://slsa.dev/provenance/v0.2" };
  const blob = put(json(statement), "application/vnd.in-toto+json");
  const config = put(
    json({
      architecture: "unknown",
      os: "unknown",
      config: {},
      rootfs: { type: "layers", diff_ids: [blob.digest] },
    }),
    MEDIA.config,
  );
  return put(json({ schemaVersion: 2, mediaType: MEDIA.manifest, config, layers: [blob] }), MEDIA.manifest);
}

type Form = readonly [suffix: string, compress: (tar: Uint8Array) => Uint8Array];

const plain: Form = ["", (tar) => tar];
/** Matches of runs alone: longest-match searches differ between builds of zlib, and so would the bytes. */
const gzip: Form = [
  "+gzip",
  (tar) => gzipMember(tar, { body: deflateRawSync(tar, { level: 9, strategy: constants.Z_RLE }) }),
];
/** Stored, as zstd itself does with what it cannot compress: Node 20 has no compressor. */
const zstd: Form = ["+zstd", zstdStored];

function putManifest(each: Image, put: PutBlob, forms: readonly Form[]): Descriptor {
  const config = put(each.configBytes, MEDIA.config);
  const layers = each.layers.map((tar, i) => {
    const [suffix, compress] = forms[i % forms.length] as Form;
    return put(compress(tar), `${MEDIA.layer}${suffix}`);
  });
  return put(json({ schemaVersion: 2, mediaType: MEDIA.manifest, config, layers }), MEDIA.manifest);
}

/** A few archives for tests that care about commands and not about what layers hold. */
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { archive, dockerArchive, type Image, image, ociLayout, writeFiles } from "./image-builder.js";
import { dir, file, layer, whiteout } from "./tar-builder.js";
import type { Scratch } from "./tmp.js";

export interface Samples {
  readonly app: Image;
  readonly other: Image;
  /** `docker save` of app. */
  readonly appTar: string;
  /** `docker save` of app and other, which share their base. */
  readonly twoTar: string;
  /** OCI archive of app, gzip layers. */
  readonly ociTar: string;
  /** OCI layout of app. */
  readonly ociDir: string;
  /** appTar with one byte of the base layer changed. */
  readonly badTar: string;
}

export function samples(scratch: Scratch): Samples {
  const base = layer(dir("etc/"), file("etc/passwd", "root:x:0:0\n"), file("bin/hello", Buffer.alloc(100_000, 7)));
  const top = layer(file("etc/app.conf", "x=1\n"), whiteout("etc/passwd"));
  const app = image({ layers: [base, top], names: ["app:1", "app:latest"] });
  const other = image({ layers: [base], names: ["registry.example.com/team/other:2"] });
  const put = (name: string, bytes: Uint8Array) => {
    const path = scratch.join(name);
    writeFileSync(path, bytes);
    return path;
  };
  const appTar = archive(dockerArchive([app]));
  const bad = Buffer.from(appTar);
  bad.writeUInt8(8, bad.indexOf(Buffer.alloc(4096, 7)) + 1000);
  return {
    app,
    other,
    appTar: put("app.tar", appTar),
    twoTar: put("two.tar", archive(dockerArchive([app, other]))),
    ociTar: put("app.oci.tar", archive(ociLayout([app], { compress: gzipSync, suffix: "+gzip" }))),
    ociDir: writeFiles(ociLayout([app]), scratch.dir("oci")),
    badTar: put("bad.tar", bad),
  };
}

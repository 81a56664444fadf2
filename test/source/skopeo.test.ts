/** Archives and layouts as skopeo writes them, read back. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { archive, gzip, image, ociLayout } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { runOk } from "../support/run.js";
import { file, layer } from "../support/tar-builder.js";
import { scratch } from "../support/tmp.js";
import { imagesOf } from "./images-of.js";

const [a, b] = [layer(file("a", "a".repeat(1000))), layer(file("b", "b"))];
const built = image({ layers: [a, b, a], names: ["app:1"] });

const forms: [form: string, name: string, names: string[]][] = [
  ["docker-archive", ":docker.io/library/app:1", ["app:1"]],
  ["docker-archive", "", []],
  ["oci-archive", ":app:1", ["app:1"]],
  ["oci-archive", ":latest", []],
  ["oci", ":quay.io/x/app:1", ["quay.io/x/app:1"]],
  ["oci", "", []],
];

describe("what skopeo writes", { skip: oracle("skopeo") }, () => {
  for (const [form, name, names] of forms) {
    it(`is read as ${form}:PATH${name}`, async () => {
      using dir = scratch("skopeo");
      const from = dir.join("from.tar");
      writeFileSync(from, archive(ociLayout([built], { compress: gzip, suffix: "+gzip" })));
      const to = `${form}:${dir.join("to")}${name}`;
      await runOk("skopeo", ["--insecure-policy", "--tmpdir", dir.path, "copy", "-q", `oci-archive:${from}`, to]);
      for (const source of new Set([to, `${form}:${dir.join("to")}`, dir.join("to")])) {
        const images = await imagesOf(source);
        assert.deepEqual(
          images.map(({ id, names, layers }) => ({ id, names, layers: layers.map(({ diffId }) => diffId) })),
          [{ id: built.id, names, layers: built.diffIds }],
          source,
        );
      }
    });
  }
});

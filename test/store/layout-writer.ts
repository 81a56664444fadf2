/**
 * A process that adds to a layout's index as fast as it can: `node layout-writer.js LAYOUT NAME
 * ENTRIES`. Raced by tests.
 */
import type { Digest } from "../../src/model/digest.js";
import { LayoutDirectory } from "../../src/store/save-directory.js";
import { MEDIA, sha256 } from "../support/image-builder.js";

const [layout = "", name = "", count = "1"] = process.argv.slice(2);
for (let i = 0; i < Number(count); i++) {
  using directory = new LayoutDirectory(layout);
  const bytes = Buffer.from(`${name} ${i}`);
  const digest = sha256(bytes) as Digest;
  directory.document({ path: `blobs/sha256/${digest.slice("sha256:".length)}`, bytes });
  directory.commit([{ mediaType: MEDIA.manifest, digest, size: bytes.length }]);
}

/** A device in the place of a layer's file, or of the root's, is not opened: its driver would act on that. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Jail } from "../../src/layer/jail.js";
import { openLayerFile } from "../../src/layer/layer-file.js";
import { openSplit } from "../../src/layer/split-file.js";
import type { ByteString } from "../../src/model/bytes.js";
import { oracle } from "../support/oracles.js";
import { readAll } from "../support/sources.js";
import { scratch } from "../support/tmp.js";

/** A device that no driver has: whoever opens it learns that, and nothing else. */
function makeDevice(path: string): void {
  assert.equal(spawnSync("mknod", [path, "c", "0", "0"]).status, 0);
}

/** The content, else the error's code and errno. */
function read(jail: Jail, name: string): string {
  try {
    using file = openLayerFile(jail, name as ByteString);
    return readAll(file).toString();
  } catch (error) {
    const { code, fields } = error as { code: string; fields: { errno?: string } };
    return [code, fields.errno ?? []].flat().join(" ");
  }
}

describe("a file of a layer", () => {
  it("is found by its name in the archive, through links inside the layer, and never outside of it", () => {
    using dir = scratch("layer-file");
    mkdirSync(dir.join("layer/d"), { recursive: true });
    writeFileSync(dir.join("outside"), "outside");
    writeFileSync(dir.join("layer/d/file"), "inside");
    writeFileSync(dir.join("layer/outside"), "contained");
    symlinkSync("/d", dir.join("layer/up"));
    symlinkSync("file", dir.join("layer/d/link"));
    using jail = new Jail(dir.join("layer"));
    const names = ["d/file", "./d//file", "/d/file", "d/../up/file", "../outside", "d/link", "d/none", "none/file"];
    assert.deepEqual(
      names.map((name) => read(jail, name)),
      [...Array(4).fill("inside"), "contained", "BAD_ROOT", "NOT_FOUND ENOENT", "NOT_FOUND ENOENT"],
    );
    for (const name of ["d", ".", "..", "../.."]) assert.equal(read(jail, name), "BAD_ROOT");
  });

  it("is not opened where it is a device", { skip: oracle("root") }, () => {
    using dir = scratch("layer-file");
    makeDevice(dir.join("device"));
    using jail = new Jail(dir.path);
    assert.equal(read(jail, "device"), "BAD_ROOT");
  });
});

describe("tar-split.json.gz", () => {
  it("is not opened where it is a device", { skip: oracle("root") }, () => {
    using dir = scratch("split-file");
    makeDevice(dir.join("device"));
    assert.throws(() => openSplit(dir.join("device")), { code: "BAD_ROOT", message: /no regular file/ });
  });
});

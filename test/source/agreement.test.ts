/**
 * dockerd as the judge of what is taken and what is refused before any layer is looked at: configs, manifest.json,
 * paths, names; and of the configs that archives without manifest.json get.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { OvlError } from "../../src/errors.js";
import { openSource } from "../../src/source/open-source.js";
import type { SourceImage } from "../../src/source/source.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { archive } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { ARCHIVES, withConfig } from "./agreement/archives.js";
import { CONFIGS } from "./agreement/configs.js";
import { LEGACY } from "./agreement/legacy.js";

const skip = oracle("root", "dockerd");

describe("dockerd and the sources agree", { skip }, () => {
  let space: Scratch;
  let daemon: Dockerd;
  before(async () => {
    space = scratch("agreement");
    daemon = await startDockerd(space.join("root"));
  });
  after(async () => {
    await daemon?.stop();
    space?.[Symbol.dispose]();
  });

  /** Image ids by each, sorted; null where it refuses. */
  async function load(bytes: Uint8Array): Promise<{ dockerd: string[] | null; ovl: string[] | null; why: string }> {
    const path = space.join("archive.tar");
    writeFileSync(path, bytes);
    const { status, stderr } = await daemon.docker(["load", "-q", "-i", path]);
    const ids = (await daemon.dockerOk(["images", "-aq", "--no-trunc"])).split("\n").filter((id) => id !== "");
    if (ids.length > 0) await daemon.docker(["rmi", "-f", ...new Set(ids)]);
    const ovl = await images(path);
    return {
      dockerd: status === 0 ? [...new Set(ids)].sort() : null,
      ovl: ovl instanceof OvlError ? null : [...new Set(ovl.map(({ id }) => id as string))].sort(),
      why: `dockerd: ${stderr.trim()}; ovl: ${ovl instanceof OvlError ? `${ovl.code} ${ovl.message}` : "loads"}`,
    };
  }

  describe("on configs", () => {
    for (const config of CONFIGS) {
      it(`${config.length > 150 ? `${config.slice(0, 150)}…` : config}`, async () => {
        const { dockerd, ovl, why } = await load(archive(withConfig(config)));
        assert.deepEqual(ovl, dockerd, why);
      });
    }
  });

  describe("on archives", () => {
    for (const [title, bytes] of ARCHIVES) {
      it(title, async () => {
        const { dockerd, ovl, why } = await load(bytes);
        assert.deepEqual(ovl, dockerd, why);
      });
    }
  });

  describe("on archives without manifest.json", () => {
    for (const [title, bytes] of LEGACY) {
      it(title, async () => {
        const { dockerd, ovl, why } = await load(bytes);
        assert.deepEqual(ovl, dockerd, why);
      });
    }
  });
});

async function images(path: string): Promise<readonly SourceImage[] | OvlError> {
  try {
    const { source } = await openSource(path);
    await using _ = source;
    return await source.images({ name: null, platform: null });
  } catch (error) {
    assert.ok(error instanceof OvlError, String(error));
    assert.notEqual(error.code, "INTERNAL", error.message);
    return error;
  }
}

/**
 * dockerd as the judge of what is taken and what is refused before any layer is looked at: configs, manifest.json,
 * paths, names; and of the configs that archives without manifest.json get.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { text } from "node:stream/consumers";
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

  /** Ids of everything that the sources gave. */
  const given = new Set<string>();

  async function judge(bytes: Uint8Array): Promise<void> {
    const path = space.join("archive.tar");
    writeFileSync(path, bytes);
    const answer = await load(daemon.socket, bytes);
    const found = await images(path);
    const refusal = found instanceof OvlError ? `${found.code} ${found.message}` : null;
    const taken = !answer.includes('"error"') && !answer.includes('"message"') && answer !== PANIC;
    assert.equal(refusal === null, taken, `dockerd: ${answer}; ovl: ${refusal ?? "loads"}`);
    if (found instanceof OvlError) return;
    const ids = found.map(({ id }) => id as string);
    for (const id of ids) given.add(id);
    // The daemon prints ids of images without names only, and none for archives without manifest.json.
    const printed = [...answer.matchAll(/ID: (sha256:[0-9a-f]{64})/g)].map((match) => match[1]);
    if (printed.length > 0) assert.deepEqual(ids, printed);
  }

  describe("on configs", () => {
    for (const config of CONFIGS) {
      it(config.length > 150 ? `${config.slice(0, 150)}…` : config, () => judge(archive(withConfig(config))));
    }
  });

  describe("on archives", () => {
    for (const [title, bytes] of ARCHIVES) it(title, () => judge(bytes));
  });

  describe("on archives without manifest.json", () => {
    for (const [title, bytes] of LEGACY) it(title, () => judge(bytes));
  });

  it("on the ids of all images", async () => {
    const stored = new Set((await daemon.dockerOk(["images", "-aq", "--no-trunc"])).trim().split("\n"));
    assert.deepEqual(
      [...given].filter((id) => !stored.has(id)),
      [],
    );
  });
});

/** What the daemon says when it dies of a request: nothing. */
const PANIC = "connection closed";

/** The answer of `POST /images/load`: lines of JSON. */
function load(socketPath: string, body: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, path: "/images/load?quiet=1", method: "POST" }, (response) => {
      text(response).then(resolve, reject);
    });
    req.on("error", () => resolve(PANIC));
    req.end(body);
  });
}

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

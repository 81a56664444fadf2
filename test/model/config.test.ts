import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../../src/model/config.js";
import { configOf, image, sha256 } from "../support/image-builder.js";

// Which configs are taken is asked of dockerd itself: test/source/agreement.test.ts. Here is what they become.

const diffIds = [sha256(Buffer.from("a")), sha256(Buffer.from("b"))];
const parse = (json: unknown) => parseImageConfig(Buffer.from(typeof json === "string" ? json : JSON.stringify(json)));

describe("parseImageConfig", () => {
  it("keeps the exact bytes and takes the id from them", () => {
    const { configBytes, id } = image({ layers: [Buffer.alloc(1024)] });
    const spaced = Buffer.concat([configBytes, Buffer.from("\n")]);
    assert.equal(parseImageConfig(configBytes).id, id);
    assert.equal(parseImageConfig(spaced).bytes, spaced);
    assert.equal(parseImageConfig(spaced).id, sha256(spaced));
  });

  it("gives layers, history and platform", () => {
    const history = [
      { created: "2020-01-01T00:00:00Z", created_by: "x", author: "a", comment: "c" },
      { empty_layer: true },
      null,
    ];
    const config = parse(configOf(diffIds, { history, variant: "v3", author: "me" }));
    assert.deepEqual(config.diffIds, diffIds);
    assert.deepEqual(config.platform, { os: "linux", architecture: "amd64", variant: "v3" });
    assert.deepEqual(config.history, [
      { created: "2020-01-01T00:00:00Z", createdBy: "x", author: "a", comment: "c", emptyLayer: false },
      { created: null, createdBy: "", author: "", comment: "", emptyLayer: true },
      { created: null, createdBy: "", author: "", comment: "", emptyLayer: false },
    ]);
    assert.equal(config.created, "2020-02-02T02:02:02Z");
  });

  it("says nothing that the config does not say, but that the OS is linux", () => {
    const config = parse({ rootfs: {} });
    assert.deepEqual([config.diffIds, config.history, config.created], [[], [], null]);
    assert.deepEqual(config.platform, { os: "linux", architecture: "", variant: null });
  });

  it("gives the document with dockerd's spelling of the keys that it knows", () => {
    const { json } = parse('{"ROOTFS":{"Diff_Ids":[]},"CONFIG":{"cmd":["x"],"labels":{"Cmd":"y"}},"Other":{"Os":1}}');
    assert.deepEqual(json, {
      rootfs: { diff_ids: [] },
      config: { Cmd: ["x"], Labels: { Cmd: "y" } },
      Other: { Os: 1 },
    });
  });

  const refused: [title: string, json: unknown, message: RegExp][] = [
    ["no rootfs", {}, /no rootfs/],
    ["windows", { rootfs: {}, os: "windows" }, /"windows"/],
    ["an OS that makes dockerd panic", { rootfs: {}, os: "freebsd" }, /"freebsd"/],
    ["a sha512 diff id", { rootfs: { diff_ids: [`sha512:${"0".repeat(128)}`] } }, /diff id of layer 0/],
    ["an upper-case diff id", { rootfs: { diff_ids: [diffIds[0], (diffIds[1] as string).toUpperCase()] } }, /layer 1/],
    ["more steps than layers", { rootfs: {}, history: [{}] }, /1, but 0 diff ids/],
    ["a wrong type, by its place", { rootfs: {}, config: { Env: ["A", 5] } }, /"config\.Env\.1" must be a string/],
  ];
  for (const [title, json, message] of refused) {
    it(`refuses ${title}`, () => assert.throws(() => parse(json), { code: "BAD_CONFIG", message }));
  }

  it("refuses what is too large before reading it", () => {
    assert.throws(() => parseImageConfig(Buffer.alloc(MAX_CONFIG_BYTES + 1)), {
      code: "BAD_CONFIG",
      message: /at most/,
    });
  });
});

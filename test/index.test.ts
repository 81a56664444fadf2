import assert from "node:assert/strict";
import { it } from "node:test";
import * as api from "../src/index.js";
import { samples } from "./support/sample-images.js";
import { scratch } from "./support/tmp.js";

it("the public API brings an archive into a root and answers for it, without the command line", async () => {
  using dir = scratch("api", 0);
  const { appTar, app } = samples(dir);
  await using store = await api.openStore({ root: dir.join("root"), driver: null }, "write");
  const { source, name } = await api.openSource(appTar);
  await using opened = source;
  const images = await opened.images({ name, platform: null });
  const ended: string[] = [];
  const result = await api.pull(store, images, {
    tags: ["mine:1"],
    expect: null,
    strict: true,
    jobs: 2,
    progress: { waiting() {}, working() {}, finished: (_, outcome) => ended.push(outcome) },
  });
  assert.deepEqual(
    result.images.map(({ id }) => id),
    [app.id],
  );
  assert.deepEqual(ended, ["extracted", "extracted"]);
  const id = api.resolveImage(store, "mine:1");
  assert.deepEqual(
    api.imageChain(store, id).layers.map(({ chainId }) => chainId),
    api.chainIdsOf(images[0]?.config.diffIds ?? []),
  );
  await using verifier = new api.StoredVerifier(store, { jobs: 1 });
  assert.equal((await verifier.verify(id)).ok, true);
});

it("names what it exports by hand: a new export is a decision", () => {
  assert.deepEqual(Object.keys(api).sort(), [
    "OvlError",
    "StoredVerifier",
    "chainIdOf",
    "chainIdsOf",
    "changesFrom",
    "commitContainer",
    "configChain",
    "configHistory",
    "containerChanges",
    "copyEnd",
    "copyIn",
    "copyOut",
    "createContainer",
    "familiarString",
    "findContainer",
    "formatPlatform",
    "fullString",
    "hostPlatform",
    "imageChain",
    "imageHistory",
    "imageIdOf",
    "inspectConfig",
    "inspectContainer",
    "inspectImage",
    "isChainId",
    "isDiffId",
    "isDigest",
    "isImageId",
    "listContainers",
    "listImages",
    "listMounts",
    "lowerDirOption",
    "mountContainer",
    "mountImage",
    "mountsOf",
    "openSource",
    "openStore",
    "parseImageConfig",
    "parsePlatform",
    "parseReference",
    "pruneImages",
    "pull",
    "removeContainers",
    "removeImages",
    "resolveContainer",
    "resolveImage",
    "rootInfo",
    "tagImage",
    "unmountAll",
    "verifySource",
  ]);
});

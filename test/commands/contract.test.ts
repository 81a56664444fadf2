/** The shapes of `--json`: keys exactly as the contract lists them, in its order. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ovl, ovlJson } from "../support/ovl.js";
import { type Samples, samples } from "../support/sample-images.js";
import { type Scratch, scratch } from "../support/tmp.js";

let dir: Scratch;
let sample: Samples;
let root: string;

before(async () => {
  dir = scratch("contract", 0);
  sample = samples(dir);
  root = dir.join("root");
  const { status, stderr } = await ovl(["pull", sample.twoTar, "--root", root]);
  assert.equal(status, 0, stderr);
});
after(() => dir[Symbol.dispose]());

/** The shape of a value: keys in their order, arrays by their first element, leaves by type. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shape(value[0])];
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return Object.entries(value).map(([key, inner]) => [key, shape(inner)]);
}

const LAYER = [
  ["digest", "string"],
  ["mediaType", "string"],
  ["diffId", "string"],
  ["chainId", "string"],
  ["cacheId", "string"],
  ["size", "number"],
  ["status", "string"],
];
const REMOVED = (untagged: unknown, deleted: unknown) => [
  ["untagged", untagged],
  ["deleted", deleted],
  ["reclaimedBytes", "number"],
];
const link = (stored: boolean) => [
  ["index", "number"],
  ["diffId", "string"],
  ["chainId", "string"],
  ["parent", "null"],
  ["cacheId", stored ? "string" : "null"],
  ["link", stored ? "string" : "null"],
  ["dir", stored ? "string" : "null"],
  ["size", stored ? "number" : "null"],
];
const history = (stored: boolean) => [
  ["createdBy", "string"],
  ["created", "string"],
  ["comment", "string"],
  ["size", stored ? "number" : "null"],
  ["emptyLayer", "boolean"],
  ["diffId", "string"],
  ["chainId", "string"],
  ["imageId", "string"],
];

const CASES: readonly (readonly [title: string, args: () => string[], expected: unknown])[] = [
  [
    "pull",
    () => ["pull", sample.ociTar],
    [
      [
        "images",
        [
          [
            ["id", "string"],
            ["names", ["string"]],
            ["platform", "string"],
            ["layers", [LAYER]],
          ],
        ],
      ],
    ],
  ],
  [
    "info",
    () => ["info"],
    [
      ["root", "string"],
      ["kind", "string"],
      ["driver", "string"],
      ["images", "number"],
      ["layers", "number"],
      ["containers", "number"],
      ["daemonRunning", "boolean"],
      [
        "engines",
        [
          ["gzip", "string"],
          ["crc64", "string"],
          ["zstd", "string"],
        ],
      ],
    ],
  ],
  [
    "images",
    () => ["images", "app"],
    [
      [
        "images",
        [
          [
            ["id", "string"],
            ["repoTags", ["string"]],
            ["repoDigests", []],
            ["created", "string"],
            ["size", "number"],
            ["layers", "number"],
            ["containers", "number"],
          ],
        ],
      ],
    ],
  ],
  ["history", () => ["history", "app:1"], [["history", [history(true)]]]],
  ["history of a SOURCE", () => ["history", sample.appTar], [["history", [history(false)]]]],
  [
    "chain",
    () => ["chain", "app:1"],
    [
      ["imageId", "string"],
      ["layers", [link(true)]],
    ],
  ],
  [
    "chain of a SOURCE",
    () => ["chain", sample.appTar],
    [
      ["imageId", "string"],
      ["layers", [link(false)]],
    ],
  ],
  [
    "id",
    () => ["id", "app:1"],
    [
      [
        "images",
        [
          [
            ["target", "string"],
            ["id", "string"],
            ["names", ["string"]],
          ],
        ],
      ],
    ],
  ],
  [
    "id of a SOURCE",
    () => ["id", sample.ociDir],
    [
      [
        "images",
        [
          [
            ["target", "string"],
            ["id", "string"],
            ["names", ["string"]],
          ],
        ],
      ],
    ],
  ],
  [
    "verify",
    () => ["verify", sample.badTar],
    [
      ["ok", "boolean"],
      [
        "targets",
        [
          [
            ["target", "string"],
            ["imageId", "string"],
            ["ok", "boolean"],
            [
              "layers",
              [
                [
                  ["diffId", "string"],
                  ["ok", "boolean"],
                ],
              ],
            ],
            [
              "problems",
              [
                [
                  ["code", "string"],
                  ["subject", "string"],
                  ["expected", "string"],
                  ["actual", "string"],
                  ["message", "string"],
                ],
              ],
            ],
          ],
        ],
      ],
    ],
  ],
  ["tag", () => ["tag", "app:1", "second"], REMOVED([], [])],
  ["rmi", () => ["rmi", "--dry-run", "registry.example.com/team/other:2"], REMOVED(["string"], ["string"])],
  ["prune", () => ["prune", "--dry-run"], REMOVED([], [])],
  [
    "a failure",
    () => ["id", "nowhere"],
    [
      [
        "error",
        [
          ["code", "string"],
          ["message", "string"],
          ["exit", "number"],
          ["image", "string"],
          ["root", "string"],
        ],
      ],
    ],
  ],
];

describe("--json has the shape of the contract", () => {
  for (const [title, args, expected] of CASES) {
    it(title, async () => {
      const { json } = await ovlJson([...args(), "--root", root]);
      assert.deepEqual(shape(json), expected);
    });
  }
});

describe("what both forms of an answer agree on", () => {
  it("images: full ids in JSON, short ones in the table, full ones with --no-trunc", async () => {
    const { json } = await ovlJson<{ images: { id: string }[] }>(["images", "app", "--root", root]);
    assert.equal(json.images[0]?.id, sample.app.id);
    const short = (await ovl(["images", "-q", "app", "--root", root])).stdout;
    assert.equal(short, `${sample.app.id.slice(7, 19)}\n`);
    const long = (await ovl(["images", "-q", "--no-trunc", "app", "--root", root])).stdout;
    assert.equal(long, `${sample.app.id}\n`);
  });

  it("chain: a SOURCE and the stored image have the same ChainIDs", async () => {
    const ids = async (target: string) => (await ovl(["chain", "-q", target, "--root", root])).stdout;
    const stored = await ids("app:1");
    assert.match(stored, /^(sha256:[0-9a-f]{64}\n){2}$/);
    for (const source of [sample.appTar, sample.ociTar, sample.ociDir]) assert.equal(await ids(source), stored);
  });

  it("chain --dirs is bottom to top, --lowerdir top to bottom", async () => {
    const dirs = (await ovl(["chain", "app:1", "--dirs", "--root", root])).stdout.trim().split("\n");
    assert.equal(dirs.length, 2);
    const lower = (await ovl(["chain", "app:1", "--lowerdir", "--root", root])).stdout.trim();
    assert.equal(lower, dirs.reverse().join(":"));
  });

  it("inspect prints the same array with and without --json", async () => {
    const { json } = await ovlJson<{ Id: string }[]>(["inspect", "app:1", "--root", root]);
    const { stdout } = await ovl(["inspect", "app:1", "--root", root]);
    assert.deepEqual(JSON.parse(stdout), json);
    assert.deepEqual(
      json.map(({ Id }) => Id),
      [sample.app.id],
    );
  });

  it("inspect of a SOURCE lacks exactly what only a store knows", async () => {
    const keys = async (target: string) =>
      Object.keys((await ovlJson<object[]>(["inspect", target, "--root", root])).json[0] ?? {});
    const stored = await keys("app:1");
    const unknown = ["Size", "VirtualSize", "GraphDriver", "Metadata"];
    assert.deepEqual(
      await keys(sample.appTar),
      stored.filter((key) => !unknown.includes(key)),
    );
  });

  it("id asks a file by its bare name when no image has that name", async () => {
    const { stdout } = await ovl(["id", "app.tar", "--root", root], { cwd: dir.path });
    assert.equal(stdout, `${sample.app.id}\n`);
  });
});

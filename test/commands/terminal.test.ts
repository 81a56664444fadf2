/**
 * No command passes on what would drive a terminal: names in layers, configs, containers and roots are shown escaped.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { archive, chainIds, dockerArchive, hex, image, ociLayout } from "../support/image-builder.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { dir, file, latin1, layer, symlink, whiteout } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

/** Clear the screen, set the title, C1's CSI, right to left, DEL, carriage return, a line of its own. */
const EVIL = "\x1b[2J\x1b]0;pwned\x07\u009b31m\u202etxt\x7f\rline\nsecond";
const evil = (name: string) => `${name}${EVIL}`;

/** In whatever order bytes come: C0 but tab and newline, DEL, C1, what turns text around, and what is no UTF-8. */
const DRIVES = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe]/;

/** How a command answers beside JSON; commands take turns with the first two. */
const FORMS = ["", "--no-trunc --progress plain"] as const;

const base = layer(
  dir("d/"),
  file(evil("d/file"), "content"),
  file(latin1("d/caf\xe9\x9b31m"), "not UTF-8"),
  symlink(evil("d/link"), evil("/target")),
  file("d/plain", "x".repeat(2000), { xattrs: { [evil("user.x")]: EVIL } }),
);
const upper = layer(file(evil("d/file"), "other"), file("d/plain", "y"), file(evil("new"), ""));
const top = layer(whiteout(evil("d/link")), whiteout("d/plain"));
const config = {
  author: EVIL,
  comment: EVIL,
  container: EVIL,
  docker_version: EVIL,
  architecture: evil("amd64"),
  variant: EVIL,
  config: {
    Env: [evil("A=")],
    Cmd: [EVIL],
    Entrypoint: [EVIL],
    Labels: { [EVIL]: EVIL },
    User: EVIL,
    WorkingDir: `/${EVIL}`,
    Volumes: { [`/${EVIL}`]: {} },
    ExposedPorts: { [EVIL]: {} },
    StopSignal: EVIL,
    OnBuild: [EVIL],
  },
  history: [base, upper, top].map(() => ({ created_by: EVIL, comment: EVIL, author: EVIL })),
};
const hostile = image({ names: ["hostile:1", "hostile:2"], layers: [base, upper, top], config });
const other = image({ names: ["other:1"], layers: [base, layer(file(evil("third"), ""))] });

describe("what would drive a terminal", () => {
  let work: Scratch;
  let root: string;
  let saved: string;
  let container: string;
  let forms = 0;

  before(async () => {
    work = scratch("terminal", 0);
    root = work.join("root");
    saved = work.join("hostile.tar");
    writeFileSync(saved, archive(dockerArchive([hostile])));
    writeFileSync(work.join("other.tar"), archive(dockerArchive([other])));
    for (const path of [saved, work.join("other.tar")]) {
      const pulled = await ovl(["pull", path, "--root", root]);
      assert.equal(pulled.status, 0, pulled.stderr);
    }
    const created = await ovl(["create", "--name", "web", "hostile:1", "--root", root]);
    assert.equal(created.status, 0, created.stderr);
    container = created.stdout.trim();
    spoil(root, container);
  });
  after(() => work?.[Symbol.dispose]());

  /** One document, and lines for people or for scripts. */
  async function assertText(args: readonly string[], status: number | null): Promise<void> {
    for (const form of ["--json", FORMS[forms++ % 2] as string]) {
      const all = [...args, "--root", root, ...form.split(" ")].filter((word) => word !== "");
      const result = await ovl(all);
      assert.doesNotMatch(result.stdout, DRIVES, `stdout of ${all.join(" ")}`);
      assert.doesNotMatch(result.stderr, DRIVES, `stderr of ${all.join(" ")}`);
      assert.notEqual(result.status, 70, result.stderr);
      if (status !== null) assert.equal(result.status, status, `${all.join(" ")}: ${result.stderr}`);
    }
  }

  for (const [command, status = 0] of [
    ["info"],
    ["images --digests"],
    ["images -a"],
    ["ps -a"],
    ["du"],
    ["history hostile:1"],
    ["history SAVED"],
    ["inspect hostile:1"],
    ["inspect SAVED"],
    ["inspect CONTAINER"],
    ["chain hostile:1"],
    ["chain other:1", null],
    ["id SAVED"],
    ["files hostile:1 d"],
    ["files hostile:1 --layer 0"],
    ["which hostile:1 d/plain"],
    ["which other:1 d/plain", null],
    ["diff CONTAINER"],
    ["diff hostile:1 hostile:2"],
    ["waste hostile:1"],
    ["waste SAVED"],
    ["timeline --all"],
    ["fsck", 1],
    ["fsck --deep", 1],
    ["owner CONTAINER"],
    [`owner overlay2/${EVIL}`, null],
    [`inspect ${EVIL}`, null],
    ["verify hostile:1"],
    ["verify other:1", 1],
    ["mount"],
    ["prune -a --dry-run", null],
  ] as [string, (number | null)?][]) {
    it(`comes out of \`ovl ${command.replace(EVIL, "…")}\` as text`, async () => {
      const words = command.split(" ").map((word) => ({ SAVED: saved, CONTAINER: container })[word] ?? word);
      await assertText(words, status);
    });
  }

  it("comes out as text where there is a line for each file", async () => {
    for (const args of [
      ["files", "hostile:1", "--ndjson"],
      ["timeline", "--all", "--ndjson"],
      ["timeline", "--all", "--bodyfile"],
    ]) {
      const { status, stdout, stderr } = await ovl([...args, "--root", root]);
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stdout + stderr, DRIVES, args.join(" "));
      assert.match(stdout, /pwned/);
    }
  });

  it("comes out of a refusal as text, whichever document it was in", async () => {
    const files = dockerArchive([hostile]);
    const manifest = JSON.parse(String(files.get("manifest.json"))) as Record<string, unknown>[];
    const archives = {
      "a tag": new Map(files).set("manifest.json", json([{ ...manifest[0], RepoTags: [evil("a:b")] }])),
      "a layer's path": new Map(files).set("manifest.json", json([{ ...manifest[0], Layers: [EVIL, EVIL, EVIL] }])),
      "a config's path": new Map(files).set("manifest.json", json([{ ...manifest[0], Config: EVIL }])),
      "an operating system": dockerArchive([image({ layers: [], config: { os: EVIL } })]),
      "a diff id": dockerArchive([image({ layers: [], config: { rootfs: { diff_ids: [EVIL] } } })]),
      "a media type": ociLayout([hostile], {
        index: (all) => ({ manifests: all.map((one) => ({ ...one, mediaType: EVIL })) }),
      }),
      "an annotation": ociLayout([hostile], {
        index: (all) => ({
          manifests: [...all, ...all].map((one, i) => ({
            ...one,
            annotations: { "org.opencontainers.image.ref.name": `${i}${EVIL}` },
            platform: { os: EVIL, architecture: EVIL },
          })),
        }),
      }),
      "a layout's version": new Map(ociLayout([hostile])).set("oci-layout", json({ imageLayoutVersion: EVIL })),
      "a name in a layer": dockerArchive([image({ layers: [layer(file(EVIL), file(EVIL))] })]),
      "a link in a layer": dockerArchive([image({ layers: [layer(symlink("s", EVIL), file("s/x"))] })]),
      "a member": new Map([[evil("manifest.json"), json([])]]),
      "what is no JSON": new Map([["manifest.json", Buffer.from(`[${EVIL}`)]]),
    };
    for (const [what, files] of Object.entries(archives)) {
      const path = work.join("refused.tar");
      writeFileSync(path, archive(files));
      for (const args of [
        ["pull", path, "--root", work.join("none")],
        ["id", `docker-archive:${path}:${EVIL}`],
      ]) {
        const { status, stdout, stderr } = await ovl(args);
        assert.doesNotMatch(stdout + stderr, DRIVES, `${what}: ${args.join(" ")}`);
        assert.notEqual(status, 70, `${what}: ${stderr}`);
      }
    }
  });

  it("is in the JSON all the same, as it is in the config", async () => {
    const { json } = await ovlJson<{ Author: string }[]>(["inspect", "hostile:1", "--root", root]);
    assert.equal(json[0]?.Author, EVIL);
    const files = await ovlJson<{ files: { path: string }[] }>(["files", "hostile:1", "--root", root]);
    assert.ok(files.json.files.some(({ path }) => path.includes(EVIL)));
  });
});

/** What only a hand can do: names, commands and words of a root that its own program would never write. */
function spoil(root: string, container: string): void {
  const path = join(root, "containers", container, "config.v2.json");
  const json = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  const own = json["Config"] as Record<string, unknown>;
  const changed = {
    ...json,
    Name: `/${EVIL}`,
    Path: EVIL,
    Args: [EVIL],
    Driver: "overlay2",
    State: { ...(json["State"] as object), Error: EVIL, Health: { Status: EVIL } },
    MountPoints: { [EVIL]: { Source: EVIL, Destination: EVIL, Name: EVIL, Driver: EVIL } },
    Config: { ...own, Image: EVIL, Labels: { [EVIL]: EVIL }, Env: [evil("A=")], Hostname: EVIL },
    LogPath: EVIL,
  };
  writeFileSync(path, JSON.stringify(changed));
  const names = join(root, "image/overlay2/repositories.json");
  const repositories = JSON.parse(readFileSync(names, "utf8")) as { Repositories: Record<string, object> };
  repositories.Repositories[EVIL] = { [`${EVIL}:${EVIL}`]: EVIL };
  (repositories.Repositories["hostile"] as Record<string, string>)[evil("hostile:")] = hostile.id;
  writeFileSync(names, JSON.stringify(repositories));
  for (const place of [
    "overlay2",
    "overlay2/l",
    "containers",
    "image/overlay2/layerdb/sha256",
    "image/overlay2/layerdb/mounts",
    "image/overlay2/imagedb/content/sha256",
  ]) {
    mkdirSync(join(root, place, evil("name")));
  }
  const chain = join(root, "image/overlay2/layerdb/sha256", hex(chainIds(other.diffIds)[1] as string));
  writeFileSync(join(chain, "cache-id"), EVIL);
  writeFileSync(join(chain, "size"), EVIL);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

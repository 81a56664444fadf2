/** `ovl import` and `docker import` of the same tar with the same flags: one layer, one config. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { CHANGES } from "../model/change-cases.js";
import { compareRoots } from "../support/compare-roots.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { expectSound } from "../support/expect-sound.js";
import { hex } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ovl } from "../support/ovl.js";
import { dir, file, hardlink, layer, symlink, whiteout } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

const rootfs = layer(
  dir("./"),
  dir("./etc/", { mode: 0o755 }),
  file("./etc/passwd", "root:x:0:0\n", { xattrs: { "user.note": "x" } }),
  symlink("./etc/mtab", "/proc/mounts"),
  hardlink("./etc/hard", "./etc/passwd"),
  whiteout("./etc/gone"),
);

type Json = Readonly<Record<string, unknown>>;

describe("import", { skip: oracle("root", "dockerd", "getfattr") }, () => {
  let work: Scratch;
  let daemon: Dockerd;
  const ovlRoot = () => work.join("ovl");

  before(async () => {
    work = scratch("import", 0);
    writeFileSync(work.join("rootfs.tar"), rootfs);
    writeFileSync(work.join("rootfs.tar.gz"), gzipSync(rootfs));
    writeFileSync(work.join("empty.tar"), "");
    daemon = await startDockerd(work.join("dockerd"));
  });
  after(async () => {
    await daemon?.stop();
    work?.[Symbol.dispose]();
  });

  const configOf = (root: string, id: string) =>
    readFileSync(join(root, "image/overlay2/imagedb/content/sha256", hex(id.trim())), "utf8");

  /** Times are of the moment, and docker's version is docker's. */
  function comparable(config: string): string {
    const time = (JSON.parse(config) as { created: string }).created;
    return config.replaceAll(time, "TIME").replace(/"docker_version":"[^"]*",/, "");
  }

  async function bothImport(args: readonly string[]): Promise<{ docker: string; ovl: string }> {
    const docker = await daemon.dockerOk(["import", ...args]);
    const { status, stdout, stderr } = await ovl(["import", ...args, "--root", ovlRoot()]);
    assert.equal(status, 0, stderr);
    return { docker: configOf(daemon.root, docker), ovl: configOf(ovlRoot(), stdout) };
  }

  for (const [title, args] of [
    ["a tar", ["rootfs.tar"]],
    ["a compressed tar", ["rootfs.tar.gz", "packed:1"]],
    ["nothing at all", ["empty.tar"]],
    ["a message that HTML would read", ["-m", "a <b> & c\u2028", "rootfs.tar", "message"]],
    [
      "changes",
      [
        ...["-c", 'CMD ["a"]', "-c", "ENV a=<1> b=$a", "-c", "LABEL 10=x 9=y é=ü"],
        ...[
          "-c",
          "EXPOSE 9 10",
          "-c",
          "VOLUME /b /a",
          "-c",
          "HEALTHCHECK --retries=2 CMD true",
          "rootfs.tar",
          "changed:2",
        ],
      ],
    ],
  ] as const) {
    it(`gives ${title} the config that docker gives it, byte for byte`, async () => {
      const paths = args.map((arg) => (/^(rootfs|empty)\.tar/.test(arg) ? work.join(arg) : arg));
      const configs = await bothImport(paths);
      assert.equal(comparable(configs.ovl), comparable(configs.docker));
    });
  }

  it("applies every change as docker does, or refuses it as docker does", async () => {
    const wrong: string[] = [];
    for (const { changes, expected } of CHANGES) {
      const flags = changes.flatMap((change) => ["-c", change]);
      const { status, stdout, stderr } = await daemon.docker(["import", ...flags, work.join("empty.tar")]);
      const accepted = status === 0;
      if (accepted !== (expected !== null)) wrong.push(`${JSON.stringify(changes)}: docker says ${stdout}${stderr}`);
      if (!accepted || expected === null) continue;
      const { config } = JSON.parse(configOf(daemon.root, stdout.toString())) as { config: Json };
      for (const [key, value] of Object.entries(expected)) {
        try {
          assert.deepEqual(config[key] ?? (key === "ExposedPorts" ? {} : null), value);
        } catch {
          wrong.push(`${JSON.stringify(changes)}: docker has ${key} = ${JSON.stringify(config[key])}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });

  it("leaves the layer, the names and the metadata that docker leaves", async () => {
    const from = BigInt(Date.now()) * 1_000_000n;
    const [theirs, ours] = [work.join("their-root"), work.join("our-root")];
    {
      await using other = await startDockerd(theirs);
      await other.dockerOk(["import", work.join("rootfs.tar"), "x/y:z"]);
    }
    const { status } = await ovl(["import", work.join("rootfs.tar"), "x/y:z", "--root", ours]);
    assert.equal(status, 0);
    const now = { from, to: BigInt(Date.now()) * 1_000_000n };
    const { layers, images } = compareRoots({ path: theirs, now }, { path: ours, now });
    assert.deepEqual([...layers.values()], [[]]);
    assert.equal(images.size, 2, "two ids, since the configs have two times");
    expectSound(ours);
    await using adopted = await startDockerd(ours);
    const [image] = JSON.parse(await adopted.dockerOk(["image", "inspect", "x/y:z"])) as [Json];
    assert.match(JSON.stringify(image["Metadata"]), /"LastTagTime":"20/);
  });
});

/** A real Debian, with real layers made by `docker build` on top: the same root, adopted, run and saved. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Comparison, compareRoots } from "../support/compare-roots.js";
import { debianTar } from "../support/debian.js";
import { startDockerd } from "../support/dockerd.js";
import { expectSound } from "../support/expect-sound.js";
import { oracle } from "../support/oracles.js";
import { ovl } from "../support/ovl.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { assertSameHistory, assertSameInspect, assertSaved, linesOf } from "./agreement.js";

/** What people do in Dockerfiles to the files below them, without a network. */
const DOCKERFILE = String.raw`
FROM debian:base
ENV LANG=C.UTF-8 APP=/srv/app
RUN rm -rf /usr/share/doc /var/lib/apt && mkdir /var/lib/apt && rm /etc/issue
RUN chown -R 1000:1000 /home && chmod 4755 /usr/bin/env && chmod -R g+w /etc/default
RUN mkdir -p /srv/app/deep/er && cd /srv/app && ln /bin/ls ls && ln -s ../../etc/debian_version v && mkfifo pipe \
 && mknod null c 1 3 && touch -d '1969-12-31 12:00' old && touch "$(printf 'caf\351')" "$(printf 'new\nline')" && truncate -s 3000000 holes && chgrp 42 deep && chmod 2770 deep
COPY --chown=7:8 context/ /srv/copied/
RUN mv /srv/app/deep /srv/moved && rm -rf /srv/app && echo back > /srv/app && rm /srv/copied/tool && mkdir /srv/copied/tool
RUN true
WORKDIR /srv/copied
LABEL made.by="docker build" 
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["cat /etc/debian_version; ls /srv /srv/copied; stat -c %a:%u:%g /srv/moved; getent passwd root"]
`;

describe("a Debian image", { skip: oracle("root", "dockerd", "mmdebstrap", "getfattr", "setfattr") }, () => {
  let space: Scratch;
  let saved: string;
  let compared: Comparison;
  const id = () => [...compared.images.keys()][0] as string;

  before(async () => {
    space = scratch("debian");
    saved = space.join("saved.tar");
    await build(await debianTar(), space.join("build"), space.join("context"), saved);
    execFileSync("rm", ["-rf", space.join("build")]);
  });
  after(() => space?.[Symbol.dispose]());

  it("becomes the same root through ovl as through dockerd", async () => {
    const from = BigInt(Date.now()) * 1_000_000n;
    {
      await using daemon = await startDockerd(space.join("dockerd"));
      await daemon.dockerOk(["load", "-q", "-i", saved]);
    }
    const { status, stderr } = await ovl(["pull", saved, "--root", space.join("ovl")]);
    assert.equal(status, 0, stderr);
    const now = { from, to: BigInt(Date.now()) * 1_000_000n };
    compared = compareRoots({ path: space.join("dockerd"), now }, { path: space.join("ovl"), now });
    assert.deepEqual(compared.store, []);
    for (const [id, differences] of [...compared.images, ...compared.layers]) {
      assert.deepEqual(differences.slice(0, 20), [], `${id}: ${differences.length} differences`);
    }
    assert.deepEqual([compared.images.size, compared.layers.size], [1, 6]);
    expectSound(space.join("ovl"));
  });

  it("is adopted by dockerd, which inspects, runs and saves it", async () => {
    await using daemon = await startDockerd(space.join("ovl"));
    await assertSameInspect(daemon, id());
    await assertSameHistory(daemon, id());
    const said = linesOf(await daemon.dockerOk(["run", "--rm", "--network=none", "debian:built"]));
    assert.match(said[0] as string, /^[0-9]+\.|sid/);
    assert.ok(said.includes("2770:0:42"), said.join("\n"));
    assert.equal(said.at(-1), "root:x:0:0:root:/root:/bin/bash");
    const configBytes = readFileSync(join(daemon.root, "image/overlay2/imagedb/content/sha256", id()));
    const { diff_ids: diffIds } = JSON.parse(configBytes.toString("utf8")).rootfs;
    await assertSaved(daemon, [{ id: `sha256:${id()}`, diffIds, configBytes }], space.join("again"));
  });

  it("is removed by ovl to the last byte", async () => {
    const root = space.join("ovl");
    const { status, stderr } = await ovl(["rmi", "debian:built", "--root", root]);
    assert.equal(status, 0, stderr);
    expectSound(root);
    assert.deepEqual(linesOf(execFileSync("ls", [join(root, "overlay2")]).toString()), ["l"]);
  });
});

/** Debian imported, layers built on it, and the result saved as one archive. */
async function build(tar: string, root: string, context: string, saved: string): Promise<void> {
  mkdirSync(join(context, "context"), { recursive: true });
  writeFileSync(join(context, "Dockerfile"), DOCKERFILE);
  writeFileSync(join(context, "context/tool"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(context, "context/able"), "may bind low ports\n", { mode: 0o711 });
  const capability = "0x0100000200040000000000000000000000000000";
  execFileSync("setfattr", ["-n", "security.capability", "-v", capability, join(context, "context/able")]);
  await using daemon = await startDockerd(root);
  await daemon.dockerOk(["import", tar, "debian:base"]);
  await daemon.dockerOk(["build", "-q", "--network=host", "-t", "debian:built", context]);
  await daemon.dockerOk(["save", "-o", saved, "debian:built"]);
}

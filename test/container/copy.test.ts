import assert from "node:assert/strict";
import { existsSync, lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Copied, copyIn, copyOut } from "../../src/container/copy.js";
import { copyEnd } from "../../src/container/copy-paths.js";
import { createContainer } from "../../src/container/create.js";
import { resolveContainer } from "../../src/store/resolve-container.js";
import { openStore, type Store } from "../../src/store/store.js";
import { expectSound } from "../support/expect-sound.js";
import { oracle } from "../support/oracles.js";
import { sourceOf } from "../support/sources.js";
import { dir, file, hardlink, layer, symlink } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { addContentImage, withName } from "./build.js";

const OPTIONS = { follows: false, keepsOwners: false };
const web = (path: string) => ({ kind: "container", container: "web", path }) as const;
const local = (path: string) => ({ kind: "local", path }) as const;
const STREAM = { kind: "stream" } as const;

interface Prepared extends AsyncDisposable {
  readonly store: Store;
  readonly work: Scratch;
  /** The container's own layer. */
  readonly own: string;
  readonly lower: string;
  unpack(path: string, tar: Uint8Array): Promise<Copied>;
}

async function prepare(): Promise<Prepared> {
  const work = scratch("copy", 0);
  const store = await openStore({ root: work.join("root"), driver: null }, "write");
  addContentImage(store, "app:1", {
    data: { dir: 0o750 },
    "data/file": "lower",
    out: { link: work.path },
    up: { link: "../../../../data" },
    loop: { link: "loop" },
  });
  await createContainer(store, "app:1", withName("web"));
  const { mountId } = resolveContainer(store, "web").mount ?? assert.fail();
  assert.ok(mountId !== null);
  return {
    store,
    work,
    own: store.driver.contentDir(mountId),
    lower: store.driver.lowerDirs(mountId).at(-1) ?? assert.fail(),
    unpack: (path, tar) => copyIn(store, STREAM, web(path), sourceOf(tar), OPTIONS),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      work[Symbol.dispose]();
    },
  };
}

describe("the sides of a copy", () => {
  it("are read as docker reads them", () => {
    assert.deepEqual(copyEnd("-"), STREAM);
    assert.deepEqual(copyEnd("web:/x:y"), web("/x:y"));
    for (const path of ["/a:b", "./a:b", "../a:b", "plain"]) assert.deepEqual(copyEnd(path), local(path));
    for (const text of ["web:", ":/x"]) assert.throws(() => copyEnd(text), { code: "USAGE" });
  });
});

describe("what is copied into a container", () => {
  it("is in its own layer; those below stay as they are", async () => {
    await using made = await prepare();
    writeFileSync(made.work.join("new"), "upper");
    await copyIn(made.store, local(made.work.join("new")), web("/data/file"), null, OPTIONS);
    assert.equal(readFileSync(join(made.own, "data/file"), "utf8"), "upper");
    assert.equal(lstatSync(join(made.own, "data")).mode & 0o7777, 0o750);
    assert.equal(readFileSync(join(made.lower, "data/file"), "utf8"), "lower");
    expectSound(made.store.root);
  });

  it("never leaves it, wherever the container's symlinks lead", async () => {
    await using made = await prepare();
    const before = readdirSync(made.work.path).sort();
    await assert.rejects(made.unpack("/out", layer(file("escaped", "x"))), { code: "USAGE" });
    await made.unpack("/", layer(file("up/inside", "x"), file("out/made", "x")));
    assert.deepEqual(readdirSync(made.work.path).sort(), before);
    assert.ok(existsSync(join(made.own, "data/inside")));
    assert.ok(existsSync(join(made.own, made.work.path, "made")));
  });

  it("cannot climb by the names in a tar", async () => {
    await using made = await prepare();
    await assert.rejects(made.unpack("/data", layer(file("../x", "x"))), { code: "PATH_ESCAPE" });
    await assert.rejects(made.unpack("/data", layer(file("y"), hardlink("z", "../../etc/passwd"))), {
      code: "PATH_ESCAPE",
    });
    await made.unpack("/data", layer(file("/absolute", "x"), hardlink("second", "absolute"), symlink("s", "/etc")));
    assert.deepEqual(readdirSync(join(made.own, "data")).sort(), ["absolute", "s", "second", "y"]);
    assert.equal(lstatSync(join(made.own, "data/second")).nlink, 2);
  });

  it("is not half a file where the source ends too early", async () => {
    await using made = await prepare();
    const tar = layer(file("file", "x".repeat(5000)));
    await assert.rejects(made.unpack("/data", tar.subarray(0, 2000)), { code: "BAD_TAR" });
    const { size } = lstatSync(join(made.own, "data/file"), { throwIfNoEntry: false }) ?? { size: 0 };
    assert.equal(size, 0);
  });

  it("replaces no directory by a file, and no file by a directory", async () => {
    await using made = await prepare();
    await assert.rejects(made.unpack("/", layer(file("data", "x"))), { code: "USAGE", message: /it is a directory/ });
    await assert.rejects(made.unpack("/data", layer(dir("file/"))), { code: "USAGE", message: /it is a file/ });
  });
});

/** Writes into config.v2.json what a daemon would have. */
function configure(store: Store, name: string, changes: Record<string, unknown>): void {
  const path = join(store.root, "containers", resolveContainer(store, name).id, "config.v2.json");
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), ...changes }));
  store.usersChanged();
}

describe("what is mounted in a container", () => {
  const VOLUME = { Name: "state", Driver: "local", Type: "volume", RW: true };
  const BIND = { Source: "/srv/shared", Type: "bind", RW: false };

  it("is neither read nor written, whatever the layers have in its place, and the error says where it is", async () => {
    await using made = await prepare();
    const { store, work } = made;
    // Symlinks below the mount are the layers', and say nothing about what is mounted.
    addContentImage(store, "app:2", { data: { dir: 0o755 }, "data/away": { link: "/" }, by: { link: "data" } });
    await createContainer(store, "app:2", withName("two"));
    const MountPoints = { "/by": { ...VOLUME, Destination: "/by" }, "/mnt": { ...BIND, Destination: "/mnt" } };
    configure(store, "two", { MountPoints });
    writeFileSync(work.join("new"), "x");
    const two = (inside: string) => ({ kind: "container", container: "two", path: inside }) as const;
    const state = join(store.root, "volumes/state/_data");
    for (const inside of ["/data", "/by/x", "/data/away/etc", "/data/.."]) {
      await assert.rejects(copyOut(store, two(inside), local(work.join("out")), OPTIONS), {
        code: "USAGE",
        message: `/data of container two is the volume state, and ovl cp reads only what is in the layers; copy from ${state} instead`,
      });
    }
    const refused = {
      code: "USAGE",
      message: `/mnt of container two is a bind mount, and ovl cp writes only what is in the layers; copy to /srv/shared instead`,
    };
    await assert.rejects(copyIn(store, local(work.join("new")), two("/mnt"), null, OPTIONS), refused);
    await assert.rejects(copyIn(store, local(work.join("new")), two("/mnt/deep/er"), null, OPTIONS), refused);
    for (const object of [file("mnt/x", "x"), dir("mnt/")]) {
      await assert.rejects(copyIn(store, STREAM, two("/"), sourceOf(layer(object)), OPTIONS), refused);
    }
    const { mountId } = resolveContainer(store, "two").mount ?? assert.fail();
    assert.ok(mountId !== null);
    assert.deepEqual(readdirSync(store.driver.contentDir(mountId)), []);
  });

  it("is left out of a directory around it, with a warning for each", async () => {
    await using made = await prepare();
    const MountPoints = {
      "/data": { ...VOLUME, Destination: "/data" },
      "/data/tmp": { Type: "tmpfs", Destination: "/data/tmp" },
      "/mnt": { ...BIND, Destination: "/mnt" },
    };
    configure(made.store, "web", { MountPoints });
    const out = made.work.join("copied");
    const { warnings } = await copyOut(made.store, web("/"), local(out), OPTIONS);
    assert.equal(readFileSync(join(out, "data/file"), "utf8"), "lower");
    assert.deepEqual(
      warnings.map(({ message }) => message),
      [
        `/data is copied as the layers have it: the volume state, which container web has there, is left out, and its files are in ${made.store.root}/volumes/state/_data`,
        "/mnt is copied as the layers have it: a bind mount, which container web has there, is left out, and its files are in /srv/shared",
      ],
    );
    const beside = await copyOut(made.store, web("/etc"), local(made.work.join("etc")), OPTIONS);
    assert.deepEqual(beside.warnings, []);
  });

  it("is docker's own /etc/hosts and its like, read from the root wherever that lies now, and not written", async () => {
    await using made = await prepare();
    const { store, work } = made;
    const { id } = resolveContainer(store, "web");
    const HostsPath = `/var/lib/docker/containers/${id}/hosts`;
    configure(store, "web", { HostsPath, HostnamePath: "/etc/hostname" });
    const to = local(work.dir("to"));
    await copyOut(store, web("/etc/hosts"), to, OPTIONS);
    assert.equal(readFileSync(join(to.path, "hosts"), "utf8"), "", "docker mounts nothing that is lost");
    writeFileSync(join(store.root, "containers", id, "hosts"), "10.0.0.1 web\n");
    await copyOut(store, web("/etc/hosts"), to, OPTIONS);
    await copyOut(store, web("/etc"), to, OPTIONS);
    for (const path of ["hosts", "etc/hosts"]) {
      assert.equal(readFileSync(join(to.path, path), "utf8"), "10.0.0.1 web\n");
    }
    writeFileSync(work.join("hosts"), "mine");
    for (const path of ["/etc", "/etc/hosts"]) {
      await assert.rejects(copyIn(store, local(work.join("hosts")), web(path), null, OPTIONS), {
        code: "USAGE",
        message: /^\/etc\/hosts of container web is a file that docker makes/,
      });
    }
    await assert.rejects(copyOut(store, web("/etc/hostname"), to, OPTIONS), {
      code: "USAGE",
      message: /copy from \/etc\/hostname instead/,
    });
  });

  it("is not read through a symlink out of the root", async () => {
    await using made = await prepare();
    const { store, work } = made;
    const { id } = resolveContainer(store, "web");
    work.dir("secret");
    writeFileSync(work.join("secret/hosts"), "secret");
    const other = "f".repeat(64);
    const to = local(work.dir("to"));
    symlinkSync(work.join("secret/hosts"), join(store.root, "containers", id, "hosts"));
    symlinkSync(work.join("secret"), join(store.root, "containers", other));
    for (const owner of [id, other]) {
      configure(store, "web", { HostsPath: `/x/containers/${owner}/hosts` });
      await copyOut(store, web("/etc/hosts"), to, OPTIONS);
      assert.equal(readFileSync(join(to.path, "hosts"), "utf8"), "");
    }
  });
});

describe("what is copied out of a container", () => {
  it("is what the layers show together", async () => {
    await using made = await prepare();
    await made.unpack("/data", layer(file("added", "x")));
    const out = made.work.dir("out");
    const { path } = await copyOut(made.store, web("/data"), local(out), OPTIONS);
    assert.equal(path, out);
    assert.deepEqual(readdirSync(join(out, "data")).sort(), ["added", "file"]);
  });

  it("goes where a symlink of this machine leads", { skip: oracle("root") }, async () => {
    await using made = await prepare();
    made.work.dir("real");
    symlinkSync("real", made.work.join("link"));
    await copyOut(made.store, web("/data/file"), local(made.work.join("link")), OPTIONS);
    assert.equal(readFileSync(made.work.join("real/file"), "utf8"), "lower");
  });

  it("is refused with the path as it is, however many slashes it was given with", async () => {
    await using made = await prepare();
    const to = local(made.work.join("new"));
    writeFileSync(to.path, "");
    for (const slashes of ["", "/", "//"]) {
      for (const [path, start] of [
        ["nothing", "no such path: /nothing"],
        ["data/file/x", "no such path: /data/file/x"],
        ["loop/x", "/loop/x leads through"],
      ] as const) {
        await assert.rejects(copyOut(made.store, web(slashes + path), to, OPTIONS), ({ message, fields }) => {
          assert.ok(message.startsWith(start), message);
          assert.equal(fields.path, `/${path}`);
          return true;
        });
      }
      await assert.rejects(copyIn(made.store, STREAM, web(`${slashes}data/file`), sourceOf(layer()), OPTIONS), {
        message: "/data/file must be a directory that is there: a tar goes into it",
      });
    }
  });

  it("is refused where it is not, or does not fit", async () => {
    await using made = await prepare();
    const to = local(made.work.join("new"));
    await assert.rejects(copyOut(made.store, web("/nothing"), to, OPTIONS), { code: "NOT_FOUND" });
    await assert.rejects(copyOut(made.store, web("/data/file/"), to, OPTIONS), { code: "NOT_FOUND" });
    writeFileSync(to.path, "");
    await assert.rejects(copyOut(made.store, web("/data"), to, OPTIONS), { code: "USAGE" });
  });
});

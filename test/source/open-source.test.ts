import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  createWriteStream,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import type { Writable } from "node:stream";
import { describe, it } from "node:test";
import type { FileRange } from "../../src/blob/byte-source.js";
import { openSource } from "../../src/source/open-source.js";
import type { SourceImage } from "../../src/source/source.js";
import * as build from "../support/image-builder.js";
import { END, file, layer, tar } from "../support/tar-builder.js";
import { scratch } from "../support/tmp.js";
import { zstd } from "../support/zstd.js";
import { idsOf, imagesOf } from "./images-of.js";

const base = layer(file("base", "base\n"));
const top = layer(file("top", "x".repeat(3000)));
const image = build.image({ layers: [base, top, base], names: ["app:1", "localhost:5000/x/y:2"] });
const saved = build.archive(build.dockerArchive([image]));
const noise = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 2654435761) >>> 24));
const large = build.archive(build.dockerArchive([build.image({ layers: [layer(file("noise", noise))] })]));

async function layersOf(image: SourceImage): Promise<Buffer[]> {
  const bytes: Buffer[] = [];
  for (const each of image.layers) {
    const { fd, offset, size } = (await each.open()) as FileRange;
    const buffer = Buffer.alloc(size);
    readSync(fd, buffer, 0, size, offset);
    bytes.push(buffer);
  }
  return bytes;
}

/** Of all files, by this process up to now. */
function bytesRead(): number {
  return Number(/rchar: (\d+)/.exec(readFileSync("/proc/self/io", "latin1"))?.[1]);
}

const kinds: [title: string, files: build.Files, kind: string][] = [
  ["a docker archive", build.dockerArchive([image]), "docker-archive"],
  ["an OCI archive", build.ociLayout([image]), "oci-archive"],
  ["an archive that is both", build.hybridArchive([image]), "docker-archive"],
];
const compressions: [title: string, compress: (bytes: Buffer) => Uint8Array][] = [
  ["", (bytes) => bytes],
  [" in gzip", build.gzip],
  [" in many members of gzip", build.gzipMembers],
  [" in zstd", zstd],
];

describe("openSource", () => {
  for (const [title, files, kind] of kinds) {
    for (const [compressed, compress] of compressions) {
      it(`knows ${title}${compressed} by its content`, async () => {
        using dir = scratch("source");
        writeFileSync(dir.join("a.tar"), compress(build.archive(files)));
        const { source, name } = await openSource(dir.join("a.tar"));
        await using _ = source;
        assert.deepEqual([source.kind, name], [kind, null]);
        const [only, ...more] = await source.images({ name: null, platform: null });
        assert.ok(only && more.length === 0);
        assert.equal(only.id, image.id);
        assert.deepEqual(only.names, ["app:1", "localhost:5000/x/y:2"]);
        assert.deepEqual(
          await layersOf(only),
          [base, top, base].map((each) => Buffer.from(each)),
        );
      });
    }
  }

  it("knows an OCI layout directory", async () => {
    using dir = scratch("source");
    build.writeFiles(build.ociLayout([image]), dir.path);
    const { source } = await openSource(dir.path);
    await using _ = source;
    assert.equal(source.kind, "oci");
    const [only] = await source.images({ name: null, platform: null });
    assert.deepEqual(
      await layersOf(only as SourceImage),
      [base, top, base].map((each) => Buffer.from(each)),
    );
  });

  it("takes an archive that is both for the one that the prefix says", async () => {
    using dir = scratch("source");
    writeFileSync(dir.join("a.tar"), build.archive(build.hybridArchive([image])));
    for (const kind of ["oci-archive", "docker-archive"]) {
      const { source } = await openSource(`${kind}:${dir.join("a.tar")}:app:1`);
      await using _ = source;
      assert.equal(source.kind, kind);
      assert.deepEqual(idsOf(await source.images({ name: "app:1", platform: null })), [image.id]);
    }
  });

  it("walks an archive of gigabytes without reading it", async () => {
    using dir = scratch("source");
    const path = dir.join("huge.tar");
    const fd = openSync(path, "w");
    const size = 3 * 2 ** 30;
    const members = [
      file("layer.tar", "", { size }),
      file("c.json", JSON.stringify(build.configOf([build.sha256(Buffer.from("huge"))]))),
      file("manifest.json", JSON.stringify([{ Config: "c.json", Layers: ["layer.tar"] }])),
    ];
    const [header, ...rest] = members as [Buffer, Buffer, Buffer];
    writeSync(fd, header, 0, 512, 0);
    writeSync(fd, tar(...rest, END), 0, undefined, 512 + size);
    closeSync(fd);
    const before = bytesRead();
    const [only] = await imagesOf(path);
    assert.equal(only?.layers[0]?.size, size);
    assert.ok(bytesRead() - before < 64 * 2 ** 20);
    truncateSync(path, size);
    await assert.rejects(imagesOf(path), { code: "BAD_ARCHIVE", message: /unexpected end/ });
  });

  it("gives every descriptor back, also after failures", async () => {
    using dir = scratch("source");
    writeFileSync(dir.join("good.tar"), saved);
    writeFileSync(dir.join("good.tar.gz"), build.gzip(saved));
    writeFileSync(dir.join("cut.tar.gz"), build.gzip(saved).subarray(0, -20));
    writeFileSync(dir.join("cut.tar"), saved.subarray(0, 700));
    writeFileSync(dir.join("empty.tar"), END);
    const before = readdirSync("/proc/self/fd").length;
    for (const name of ["good.tar", "good.tar.gz"]) await imagesOf(dir.join(name));
    for (const name of ["cut.tar.gz", "cut.tar", "empty.tar"]) {
      await assert.rejects(imagesOf(dir.join(name)), { code: "BAD_ARCHIVE" }, name);
    }
    assert.equal(readdirSync("/proc/self/fd").length, before);
  });

  it("says what it met instead of an archive", async () => {
    using dir = scratch("source");
    writeFileSync(dir.join("text"), "hello ".repeat(200));
    writeFileSync(dir.join("rootfs.tar"), base);
    writeFileSync(dir.join("a.tar.xz"), Buffer.from("fd377a585a000004e6d6b446", "hex"));
    writeFileSync(dir.join("a.tar.bz2"), "BZh91AY&SY");
    const cases: [source: string, code: string, message: RegExp][] = [
      [dir.join("nothing"), "NOT_FOUND", /no such file/],
      [`oci:${dir.join("nothing")}`, "NOT_FOUND", /no such file/],
      [`docker-archive:${dir.join("nothing")}`, "NOT_FOUND", /no such file/],
      [`oci:${dir.join("text")}`, "BAD_ARCHIVE", /oci-archive:/],
      [`oci-archive:${dir.path}`, "BAD_ARCHIVE", /write oci:/],
      [dir.path, "BAD_ARCHIVE", /oci-layout is missing/],
      [dir.join("text"), "BAD_ARCHIVE", /not a valid tar/],
      [dir.join("rootfs.tar"), "BAD_ARCHIVE", /ovl import/],
      [dir.join("a.tar.xz"), "UNSUPPORTED_MEDIA_TYPE", /xz/],
      [dir.join("a.tar.bz2"), "UNSUPPORTED_MEDIA_TYPE", /bzip2/],
    ];
    for (const [source, code, message] of cases) await assert.rejects(imagesOf(source), { code, message }, source);
  });

  it("waits for the other end of a FIFO", async () => {
    using dir = scratch("source");
    execFileSync("mkfifo", [dir.join("pipe")]);
    const images = imagesOf(dir.join("pipe"));
    createWriteStream(dir.join("pipe")).end(build.gzip(saved));
    assert.deepEqual(idsOf(await images), [image.id]);
  });

  it("names the place of its temporary copy when that fails", async () => {
    using dir = scratch("source");
    writeFileSync(dir.join("a.tar.gz"), build.gzip(saved));
    const before = process.env["TMPDIR"];
    process.env["TMPDIR"] = dir.join("missing");
    try {
      await assert.rejects(imagesOf(dir.join("a.tar.gz")), { code: "IO", message: /missing/ });
      process.env["TMPDIR"] = dir.dir("tmp");
      assert.deepEqual(idsOf(await imagesOf(dir.join("a.tar.gz"))), [image.id]);
      assert.deepEqual(readdirSync(dir.join("tmp")), [], "the copy has no name");
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    }
  });
});

describe("standard input", () => {
  const script = `
    const { openSource } = await import(process.argv[1]);
    process.on("SIGTERM", () => process.exit(143));
    const timer = setTimeout(() => console.log(JSON.stringify({ waiting: true })), 100);
    try {
      const { source } = await openSource("-");
      const images = await source.images({ name: null, platform: null });
      console.log(JSON.stringify({ ids: images.map(({ id }) => id) }));
      await source[Symbol.asyncDispose]();
    } catch (error) {
      console.log(JSON.stringify({ code: error.code, message: error.message }));
    }
    clearTimeout(timer);`;
  const module = new URL("../../src/source/open-source.js", import.meta.url).href;
  const args = ["--input-type=module", "-e", script, module];

  type Answer = { ids?: string[]; code?: string; message?: string };
  /** @param onWaiting called while the child still reads */
  function ask(
    stdin: number | "pipe",
    feed: (write: Writable) => void = () => {},
    onWaiting: (write: Writable) => void = () => {},
  ): Promise<Answer> {
    const child = spawn(process.execPath, args, { stdio: [stdin, "pipe", "inherit"] });
    const { stdin: write, stdout } = child;
    if (write !== null) feed(write);
    let out = "";
    stdout?.on("data", (chunk) => {
      out += chunk;
      if (String(chunk).includes("waiting") && write !== null) onWaiting(write);
    });
    return new Promise((resolve) => child.on("close", () => resolve(JSON.parse(out.trim().split("\n").at(-1) ?? ""))));
  }

  for (const [compressed, compress] of compressions) {
    it(`gives an archive${compressed} through a pipe`, async () => {
      assert.deepEqual((await ask("pipe", (stdin) => stdin.end(compress(saved)))).ids, [image.id]);
      assert.equal((await ask("pipe", (stdin) => stdin.end(compress(large)))).ids?.length, 1);
    });
  }

  it("may be slow, and everything else goes on meanwhile", { timeout: 60_000 }, async () => {
    const half = Math.trunc(large.length / 2);
    // The rest only comes when the child, in the middle of its reading, has found the time to say so.
    const answer = await ask(
      "pipe",
      (write) => write.write(large.subarray(0, half)),
      (write) => write.end(large.subarray(half)),
    );
    assert.equal(answer.ids?.length, 1);
  });

  it("may be silent, and the process still ends when it is told to", { timeout: 60_000 }, async () => {
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.stdin.write(saved.subarray(0, 1000));
    child.stdout.once("data", () => child.kill("SIGTERM"));
    assert.equal(await ended, 143);
    child.stdin.destroy();
  });

  it("is read in place when it is a file, from where it stands", async () => {
    using dir = scratch("source");
    writeFileSync(dir.join("a.tar"), Buffer.concat([Buffer.from("read by somebody before"), saved]));
    const fd = openSync(dir.join("a.tar"), "r");
    readSync(fd, Buffer.alloc(23), 0, 23, null);
    assert.deepEqual((await ask(fd)).ids, [image.id]);
    closeSync(fd);
  });

  it("that is cut, empty or junk is refused", async () => {
    for (const bytes of [
      build.gzip(saved).subarray(0, -9),
      saved.subarray(0, 2000),
      Buffer.alloc(0),
      Buffer.from("junk"),
    ]) {
      assert.equal((await ask("pipe", (stdin) => stdin.end(bytes))).code, "BAD_ARCHIVE");
    }
  });
});

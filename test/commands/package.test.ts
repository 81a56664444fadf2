import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { it } from "node:test";
import { repoPath } from "../support/repo.js";
import { run, runOk } from "../support/run.js";
import { scratch } from "../support/tmp.js";

it("the package has all that its commands, its help and its library with its types need, and no other types", async () => {
  using dir = scratch("package", 0);
  const pack = ["pack", "--silent", "--ignore-scripts", "--pack-destination", dir.path];
  const [archive = ""] = (await runOk("npm", pack, { cwd: repoPath() })).toString().trim().split("\n").slice(-1);
  await runOk("tar", ["-C", dir.path, "-xf", dir.join(archive)]);
  symlinkSync(repoPath("node_modules"), dir.join("package/node_modules"));
  const ovl = (...args: string[]) =>
    runOk(process.execPath, [dir.join("package/bin/run.js"), ...args, "--root", dir.join("root")], { cwd: dir.path });
  assert.match((await ovl("pull", repoPath("testdata/hello.docker.tar"))).toString(), /hello:1\.0/);
  assert.match((await ovl("verify", "hello:1.0")).toString(), /^ok/);
  assert.match((await ovl("images", "--help")).toString(), /USAGE/);
  const library = `import { listImages, openStore } from "ovl";
    const store = await openStore({ root: ${JSON.stringify(dir.join("root"))}, driver: null });
    console.log(listImages(store).images.length);`;
  const inside = { cwd: dir.join("package") };
  assert.equal((await runOk(process.execPath, ["--input-type=module", "-e", library], inside)).toString(), "2\n");
  writeFileSync(dir.join("package/library.ts"), library);
  const strict = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--types", "node"];
  const lib = ["--lib", "es2023,es2024.sharedmemory,esnext.disposable"];
  await runOk(repoPath("node_modules/.bin/tsc"), ["--ignoreConfig", ...strict, ...lib, "library.ts"], inside);
  assert.ok(!existsSync(dir.join("package/dist/cli/base.d.ts")), "declarations that the library does not reach");
});

it("an installation without koffi's native half says so, and finds no fault with the images", async () => {
  using dir = scratch("package-native", 0);
  for (const part of ["bin", "dist", "package.json"]) cpSync(repoPath(part), dir.join(part), { recursive: true });
  mkdirSync(dir.join("node_modules"));
  const there = readdirSync(repoPath("node_modules")).filter((name) => !/^(\.|@koromix$|koffi$)/.test(name));
  for (const name of there) symlinkSync(repoPath("node_modules", name), dir.join("node_modules", name));
  cpSync(repoPath("node_modules/koffi"), dir.join("node_modules/koffi"), { recursive: true });
  const told = /cannot load koffi for linux-\w+: Error: .*native.*; install ovl again .*--include=optional/;
  for (const args of [
    ["images", "--root", dir.path],
    ["verify", repoPath("testdata/hello.oci.tar")],
    ["pull", repoPath("testdata/hello.oci.tar"), "--root", dir.join("root")],
  ]) {
    const { status, stdout, stderr } = await run(process.execPath, [dir.join("bin/run.js"), ...args]);
    assert.equal(status, 6, args[0]);
    assert.match(`${stdout}${stderr}`, told, args[0]);
    assert.doesNotMatch(`${stdout}${stderr}`, /bug in ovl|zlib1g|libz/, args[0]);
  }
});

it("on a processor whose system calls ovl does not know it says so, and npm does not install it there", async () => {
  const faked = `data:text/javascript,Object.defineProperty(process,"arch",{value:"ppc64"})`;
  const { status, stderr } = await run(process.execPath, ["--import", faked, repoPath("bin/run.js"), "images"]);
  assert.equal(stderr, "ovl: ovl makes system calls of Linux on x64 and arm64, not of linux on ppc64\n");
  assert.equal(status, 6);
  const { cpu } = JSON.parse(readFileSync(repoPath("package.json"), "utf8")) as { cpu?: string[] };
  assert.deepEqual(cpu, ["x64", "arm64"]);
});

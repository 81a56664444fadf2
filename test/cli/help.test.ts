import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { ovl } from "../support/ovl.js";
import { repoPath } from "../support/repo.js";
import { run } from "../support/run.js";
import { scratch } from "../support/tmp.js";

interface Manifest {
  readonly commands: Readonly<
    Record<
      string,
      { flags: Record<string, { char?: string; hidden?: boolean }>; examples?: unknown[]; summary?: string }
    >
  >;
}

const manifest = JSON.parse(readFileSync(repoPath("oclif.manifest.json"), "utf8")) as Manifest;

describe("the manifest", () => {
  it("is what the commands say: run `npm run manifest` where this fails", async () => {
    const { status, stderr } = await run(process.execPath, [repoPath("bin/manifest.js"), "--check"]);
    assert.equal(status, 0, stderr);
  });
});

describe("help", () => {
  for (const [id, command] of Object.entries(manifest.commands)) {
    it(`of ${id} names every flag and has a summary and examples`, async () => {
      const { status, stdout } = await ovl([id, "--help"]);
      assert.equal(status, 0);
      for (const [flag, { hidden }] of Object.entries(command.flags)) {
        if (hidden !== true) assert.match(stdout, new RegExp(`--${flag}\\b`), flag);
      }
      assert.ok((command.summary ?? "") !== "");
      assert.ok((command.examples ?? []).length > 0);
      assert.match(stdout, /EXAMPLES/);
      assert.equal((await ovl(["help", id])).stdout, stdout, "ovl help COMMAND says the same");
    });
  }

  it("starts with all commands in groups", async () => {
    const { stdout } = await ovl([]);
    for (const id of Object.keys(manifest.commands)) assert.match(stdout, new RegExp(`^  ${id}\\s`, "m"));
    assert.equal((await ovl(["--help"])).stdout, stdout);
    assert.equal((await ovl(["-h"])).stdout, stdout);
  });
});

it("help looks for no plugins in a home, whose ~/.local/share/ovl is an ordinary user's root", async () => {
  using home = scratch("home-plugins", 0);
  const data = home.dir("ovl");
  writeFileSync(`${data}/package.json`, "no JSON");
  const { status, stderr } = await ovl(["images", "--help"], { env: { HOME: home.path, XDG_DATA_HOME: home.path } });
  assert.equal(status, 0);
  assert.doesNotMatch(stderr, /JSON/);
});

it("--version is one line", async () => {
  const { status, stdout } = await ovl(["--version"]);
  assert.equal(status, 0);
  assert.match(stdout, /^ovl\/\d+\.\d+\.\d+ linux-\S+ node-v\S+\n$/);
  const help = (await ovl(["--help"])).stdout;
  assert.ok(help.includes(stdout.trim()), "oclif's own line is the same");
});

it("autocomplete gives a script for each shell", async () => {
  using home = scratch("home", 0);
  for (const shell of ["bash", "zsh"]) {
    const env = { HOME: home.path, XDG_CACHE_HOME: home.join("cache"), SHELL: `/bin/${shell}` };
    const { status, stdout, stderr } = await ovl(["autocomplete", "script", shell], { env });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /autocomplete/);
  }
});

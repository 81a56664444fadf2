/** Names that are not UTF-8, asked for as a shell gives them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, it } from "node:test";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { ovl } from "../support/ovl.js";
import { repoPath } from "../support/repo.js";
import { dir, file, latin1, layer } from "../support/tar-builder.js";
import { type Scratch, scratch } from "../support/tmp.js";

const skip = oracle("root");
let work: Scratch;
before(async () => {
  work = scratch("raw-names", 0);
  const layers = [layer(dir("odd/"), file(latin1("odd/caf\xe9"), "latin"), file("odd/caf\u00e9", "utf-8"))];
  writeFileSync(work.join("image.tar"), archive(dockerArchive([image({ layers, names: ["odd:1"] })])));
  assert.equal((await ovl(["pull", work.join("image.tar"), "--root", work.join("root")])).status, 0);
  const created = await ovl(["create", "--name", "web", "odd:1", "/x", "--root", work.join("root")]);
  assert.equal(created.status, 0, created.stderr);
});
after(() => work[Symbol.dispose]());

/** Runs ovl by a shell, in which `$E` is the byte 0xe9: Node cannot give such an argument. */
function shell(command: string) {
  const ovl = `"${process.execPath}" "${repoPath("bin/run.js")}" --root "${work.join("root")}"`;
  return spawnSync("sh", ["-c", `E=$(printf '\\351'); ${ovl} ${command}`], { encoding: "utf8" });
}

for (const [command, answer] of [
  ['which odd:1 "/odd/caf$E" --json', /"path": "\/odd\/caf\\\\xe9",\n {2}"exists": true/],
  ['files odd:1 "/odd/caf$E"', /\/odd\/caf\\xe9/],
  ['files web "odd/caf$E" --json', /"path": "\/odd\/caf\\\\xe9"/],
  ['which odd:1 "/odd/café" --json', /"path": "\/odd\/café",\n {2}"exists": true/],
] as const) {
  it(`is answered: ovl ${command}`, { skip }, () => {
    const { status, stdout, stderr } = shell(command);
    assert.equal(status, 0, stderr);
    assert.match(stdout, answer);
  });
}

it("is copied out: the file of that name, and not another one", { skip }, () => {
  const { status, stderr } = shell(`cp "web:/odd/caf$E" "${work.join("out")}"`);
  assert.equal(status, 0, stderr);
  assert.equal(readFileSync(work.join("out"), "utf8"), "latin");
});

it("is said as it is listed where it is not there", { skip }, () => {
  const { status, stderr } = shell('files odd:1 "/odd/$E"');
  assert.equal(status, 3);
  assert.equal(stderr, "ovl: no such path: /odd/\\xe9\n");
});

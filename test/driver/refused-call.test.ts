/** A container's seccomp filter that knows no statx(2): EPERM of docker before 18.04, ENOSYS of later ones. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { it } from "node:test";
import { scratch } from "../support/tmp.js";

/** Installs the filter for the process's own thread, then reads a file. prctl(2), seccomp(2), struct sock_filter. */
const CHILD = `
const [koffi, module, file, number, errno] = process.argv.slice(1);
const k = require(koffi);
const filter = Buffer.alloc(32);
[[0x20, 0, 0, 0], [0x15, 0, 1, Number(number)], [0x06, 0, 0, 0x50000 + Number(errno)], [0x06, 0, 0, 0x7fff0000]].forEach(
  ([code, yes, no, value], i) => {
    filter.writeUInt16LE(code, i * 8), filter[i * 8 + 2] = yes, filter[i * 8 + 3] = no;
    filter.writeUInt32LE(value, i * 8 + 4);
  });
const program = Buffer.alloc(16);
program.writeUInt16LE(4, 0);
program.writeBigUInt64LE(k.address(filter), 8);
import(module).then(({ readSmall }) => {
  readSmall(file);
  const prctl = k.load(null).func("int prctl(int, ulong, void *, ulong, ulong)");
  if (prctl(38, 1, null, 0, 0) !== 0 || prctl(22, 2, program, 0, 0) !== 0) throw new Error("no seccomp");
  try { console.log(JSON.stringify(readSmall(file))); } catch ({ code, message }) { console.log(code, message); }
});`;

it("a file is not taken for damaged where the system has refused the call", () => {
  using work = scratch("refused-call");
  const file = work.join("diff");
  writeFileSync(file, "x");
  const koffi = createRequire(import.meta.url).resolve("koffi");
  const module = new URL("../../src/driver/files.js", import.meta.url).href;
  const statx = process.arch === "x64" ? 332 : 291;
  for (const [errno, answer] of [
    [38, `IO cannot read ${file}: ENOSYS\n`],
    [1, `PERMISSION cannot read ${file}: EPERM\n`],
  ] as const) {
    const args = ["-e", CHILD, koffi, module, file, String(statx), String(errno)];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.equal(stdout, answer, stderr);
  }
});

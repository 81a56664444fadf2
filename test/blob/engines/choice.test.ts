import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { suite, test } from "node:test";

const at = (module: string): string => new URL(`../../../src/${module}`, import.meta.url).href;

/** What a process says that chooses an engine with no descriptor left, and again when it has some. */
function choicesOf(choose: string, module: string, koffiFirst: boolean): string[] {
  const script = `
    import { closeSync, openSync } from "node:fs";
    import { ${choose} as choose } from "${at(module)}";
    import { koffi } from "${at("sys/native.js")}";
    const choice = () => new Promise((resolve) => resolve(choose())).then(
      () => "chosen",
      (error) => error.code + ": " + error.message,
    );
    if (${koffiFirst}) koffi();
    const held = [];
    try { for (;;) held.push(openSync("/dev/null")); } catch {}
    const first = await choice();
    for (const fd of held) closeSync(fd);
    console.log(JSON.stringify([first, await choice()]));`;
  const { stdout, stderr } = spawnSync(
    "sh",
    ["-c", 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, script],
    { encoding: "utf8" },
  );
  assert.equal(stderr, "");
  return JSON.parse(stdout) as string[];
}

suite("the choice of engines", () => {
  for (const [choose, module] of [
    ["gzipEngine", "blob/engines/gzip-engine.js"],
    ["crc64Engine", "blob/crc64.js"],
  ] as const) {
    test(`is not made by a process that has no descriptor to look for libraries with: ${choose}`, () => {
      assert.deepEqual(choicesOf(choose, module, false), ["IO: cannot load koffi: EMFILE", "chosen"]);
      assert.deepEqual(choicesOf(choose, module, true), ["IO: cannot load libisal.so.2: EMFILE", "chosen"]);
    });
  }
});

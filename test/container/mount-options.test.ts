import assert from "node:assert/strict";
import { test } from "node:test";
import { overlayOptions } from "../../src/container/mount-options.js";

const links = (count: number) => Array.from({ length: count }, (_, i) => `l/${String(i).padStart(26, "A")}`);
const upper = { dir: `${"c".repeat(64)}/diff`, work: `${"c".repeat(64)}/work` };
const home = "/var/lib/docker/overlay2";

test("options are dockerd's: absolute paths, and what the kernel needs before them", () => {
  assert.deepEqual(overlayOptions({ kind: "overlay", lower: ["l/A", "l/B"], upper }, home, ["index=off"]), {
    text: `index=off,lowerdir=${home}/l/A:${home}/l/B,upperdir=${home}/${upper.dir},workdir=${home}/${upper.work}`,
    relative: false,
  });
  const readOnly = overlayOptions({ kind: "overlay", lower: ["x/diff", "l/B"], upper: null }, home, [
    "index=off",
    "userxattr",
  ]);
  assert.equal(readOnly.text, `index=off,userxattr,lowerdir=${home}/x/diff:${home}/l/B`);
});

test("what does not fit one page, or could be misread, is relative", () => {
  const fits = overlayOptions({ kind: "overlay", lower: links(60), upper }, home, []);
  assert.deepEqual([fits.relative, fits.text.length <= 4095], [false, true]);
  const long = overlayOptions({ kind: "overlay", lower: links(80), upper }, home, []);
  assert.deepEqual([long.relative, long.text.startsWith("lowerdir=l/AAAA")], [true, true]);
  // 125 layers of an image and the container's init layer; the driver takes two more.
  for (const count of [126, 128]) {
    const { text, relative } = overlayOptions({ kind: "overlay", lower: links(count), upper }, home, [
      "index=off",
      "userxattr",
    ]);
    assert.ok(relative && text.length <= 4095, String(text.length));
  }
  for (const odd of ["/a:b", "/a,b", "/a\\b"]) {
    assert.equal(overlayOptions({ kind: "overlay", lower: ["l/A", "l/B"], upper }, odd, []).relative, true);
  }
  assert.throws(() => overlayOptions({ kind: "overlay", lower: links(140), upper }, home, []), {
    code: "TOO_MANY_LAYERS",
    exit: 4,
  });
});

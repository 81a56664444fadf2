import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMountInfo } from "../../src/driver/mount-table.js";

test("lines of mountinfo are read with any number of optional fields, and escapes are undone", () => {
  const lines = [
    "22 1 254:0 / / rw,relatime - ext4 /dev/root rw",
    "30 22 0:26 / /dev/shm rw shared:7 master:1 - tmpfs tmpfs rw,size=1k",
    "50 30 0:39 / /a\\040b\\134c rw,relatime - overlay overlay rw,lowerdir=/x\\054y/l/A:/x/l/B,upperdir=/x/1/diff,index=off",
    "51 30 0:26 /sub/dir /m\u00fc ro,relatime - tmpfs tmpfs rw",
    "52 30 0:40 / /ro rw - overlay overlay ro,lowerdir=a:b",
    "garbage",
    "",
  ];
  const [root, shm, overlay, bind, readOnly, ...none] = parseMountInfo(lines.join("\n"));
  assert.deepEqual(none, []);
  assert.deepEqual([root?.point, root?.type, root?.device], ["/", "ext4", "254:0"]);
  assert.equal(shm?.options.get("size"), "1k");
  assert.equal(overlay?.point, "/a b\\c");
  assert.equal(overlay?.options.get("lowerdir"), "/x,y/l/A:/x/l/B");
  assert.equal(overlay?.options.get("index"), "off");
  assert.deepEqual([bind?.root, bind?.point, bind?.readOnly], ["/sub/dir", "/m\u00fc", true]);
  assert.deepEqual([overlay?.readOnly, readOnly?.readOnly], [false, true]);
});

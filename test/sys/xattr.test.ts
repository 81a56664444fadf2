import assert from "node:assert/strict";
import { closeSync, constants, openSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type ByteString, byteStringOf } from "../../src/model/bytes.js";
import { close, O_PATH, openAt } from "../../src/sys/at.js";
import { ENOENT, EOPNOTSUPP } from "../../src/sys/errno.js";
import {
  getXattr,
  getXattrAt,
  listXattrs,
  listXattrsAt,
  removeXattr,
  setXattr,
  setXattrAt,
  setXattrOfPathFd,
} from "../../src/sys/xattr.js";
import { oracle } from "../support/oracles.js";
import { scratch } from "../support/tmp.js";

const name = (text: string) => text as ByteString;

describe("extended attributes", { skip: oracle("root") }, () => {
  it("are set, read, listed and removed; names and values are bytes", () => {
    using place = scratch("xattr");
    writeFileSync(place.join("f"), "");
    const path = byteStringOf(place.join("f"));
    const dir = openSync(place.path, constants.O_RDONLY | constants.O_DIRECTORY);
    const fd = openSync(place.join("f"), "r");
    const odd = name("user.caf\xe9");
    const long = Buffer.alloc(60_000, "x");
    assert.equal(setXattr(fd, odd, Buffer.from([0, 255])), 0);
    assert.equal(setXattrAt(dir, name("f"), name("user.long"), long), 0);
    assert.deepEqual(Buffer.from((getXattr(path, odd) as Uint8Array) ?? []), Buffer.from([0, 255]));
    assert.ok(long.equals(getXattrAt(dir, name("f"), name("user.long")) as Uint8Array));
    assert.equal(getXattr(path, name("user.none")), null);
    assert.equal(getXattr(name(`${path}x`), odd), -ENOENT);
    assert.deepEqual((listXattrs(path) as ByteString[]).sort(), [odd, "user.long"]);
    assert.equal(removeXattr(path, odd), 0);
    assert.deepEqual(listXattrsAt(dir, name("f")), ["user.long"]);
    assert.equal(setXattr(fd, name("nodot"), long), -EOPNOTSUPP);
    closeSync(fd);
    closeSync(dir);
  });

  it("of a symlink are its own, and those of an O_PATH fd are of what it is open on", () => {
    using place = scratch("xattr");
    writeFileSync(place.join("f"), "");
    symlinkSync("f", place.join("s"));
    const dir = openSync(place.path, constants.O_RDONLY | constants.O_DIRECTORY);
    assert.equal(setXattrAt(dir, name("s"), name("trusted.k"), Buffer.from("1")), 0);
    assert.deepEqual(listXattrsAt(dir, name("s")), ["trusted.k"]);
    assert.deepEqual(listXattrsAt(dir, name("f")), []);
    const fd = openAt(dir, name("f"), O_PATH);
    assert.equal(setXattrOfPathFd(fd, name("trusted.k"), Buffer.from("2")), 0);
    assert.deepEqual(listXattrsAt(dir, name("f")), ["trusted.k"]);
    close(fd);
    closeSync(dir);
  });
});

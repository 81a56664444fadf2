import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { describe, it } from "node:test";
import { waitReadable, waitWritable } from "../../src/sys/poll.js";
import { scratch } from "../support/tmp.js";

describe("waitReadable", () => {
  it("tells silence from bytes and from the end", () => {
    using dir = scratch("poll");
    execFileSync("mkfifo", [dir.join("pipe")]);
    const reader = openSync(dir.join("pipe"), constants.O_RDONLY | constants.O_NONBLOCK);
    assert.equal(waitReadable(reader, 0), false, "nobody writes yet");
    const writer = openSync(dir.join("pipe"), "w");
    assert.equal(waitReadable(reader, 5), false, "nothing is written yet");
    writeSync(writer, "x");
    assert.equal(waitReadable(reader, 1000), true);
    readSync(reader, Buffer.alloc(1));
    assert.equal(waitReadable(reader, 0), false);
    closeSync(writer);
    assert.equal(waitReadable(reader, 1000), true, "the end");
    closeSync(reader);
  });

  it("does not wait for a descriptor that is none: the read tells", () => {
    assert.equal(waitReadable(1_000_000, 60_000), true);
  });
});

describe("waitWritable", () => {
  it("tells a full pipe from one with room, and from one that nobody reads", () => {
    using dir = scratch("poll");
    execFileSync("mkfifo", [dir.join("pipe")]);
    const reader = openSync(dir.join("pipe"), constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(dir.join("pipe"), constants.O_WRONLY | constants.O_NONBLOCK);
    assert.equal(waitWritable(writer, 1000), true);
    assert.ok(writeSync(writer, Buffer.alloc(1 << 20)) < 1 << 20);
    assert.equal(waitWritable(writer, 5), false);
    closeSync(reader);
    assert.equal(waitWritable(writer, 1000), true, "the write tells");
    closeSync(writer);
  });
});

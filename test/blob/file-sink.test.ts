import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { describe, it } from "node:test";
import { writeFully, writeSoon } from "../../src/blob/file-sink.js";
import { OvlError } from "../../src/errors.js";
import { scratch } from "../support/tmp.js";

const BYTES = Buffer.alloc(300_000, "sink");

/** A pipe that has room for 64 KiB and blocks nobody. */
function pipe(path: string): { reader: number; writer: number } {
  execFileSync("mkfifo", [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) };
}

describe("a file sink", () => {
  it("writes at a position, or where the descriptor stands", () => {
    using dir = scratch("sink", 0);
    const sink = { fd: openSync(dir.join("file"), "wx"), file: "file" };
    writeFully(sink, BYTES, 100);
    writeFully(sink, Buffer.alloc(100, "-"), null);
    closeSync(sink.fd);
    assert.deepEqual(readFileSync(dir.join("file")), Buffer.concat([Buffer.alloc(100, "-"), BYTES]));
  });

  it("waits for whoever reads a full pipe, and for no longer than it is told", () => {
    using dir = scratch("sink", 0);
    const { reader, writer } = pipe(dir.join("pipe"));
    const read: Buffer[] = [];
    const drain = () => {
      const buffer = Buffer.alloc(50_000);
      read.push(buffer.subarray(0, readSync(reader, buffer)));
    };
    writeFully({ fd: writer, file: "pipe" }, BYTES, null, drain);
    while (read.reduce((sum, { length }) => sum + length, 0) < BYTES.length) drain();
    assert.ok(Buffer.concat(read).equals(BYTES));
    const stop = new OvlError("INTERRUPTED", "stopped");
    const stopping = () => {
      throw stop;
    };
    assert.throws(() => writeFully({ fd: writer, file: "pipe" }, BYTES, null, stopping), stop);
    closeSync(writer);
    closeSync(reader);
  });

  it("lets the event loop turn meanwhile, on the main thread", async () => {
    using dir = scratch("sink", 0);
    const { reader, writer } = pipe(dir.join("pipe"));
    const read: Buffer[] = [];
    const timer = setInterval(() => {
      const buffer = Buffer.alloc(100_000);
      read.push(buffer.subarray(0, readSync(reader, buffer)));
    }, 1);
    await writeSoon({ fd: writer, file: "pipe" }, BYTES.subarray(0, 200_000), null, () => {});
    clearInterval(timer);
    assert.ok(read.length > 1);
    closeSync(writer);
    closeSync(reader);
  });

  it("names the file that has no room, and the pipe that nobody reads", () => {
    using dir = scratch("sink", 0);
    const full = { fd: openSync("/dev/full", "w"), file: "/dev/full" };
    const failure = (action: () => void): OvlError => {
      try {
        action();
      } catch (error) {
        return error as OvlError;
      }
      return assert.fail("it was written");
    };
    const noSpace = failure(() => writeFully(full, BYTES, null));
    assert.deepEqual([noSpace.code, noSpace.message], ["NO_SPACE", "cannot write /dev/full: ENOSPC"]);
    closeSync(full.fd);
    const { reader, writer } = pipe(dir.join("pipe"));
    closeSync(reader);
    const broken = failure(() => writeFully({ fd: writer, file: "standard output" }, BYTES, null));
    assert.deepEqual([broken.code, broken.message], ["IO", "cannot write standard output: EPIPE"]);
    closeSync(writer);
  });
});

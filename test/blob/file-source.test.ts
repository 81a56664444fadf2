import assert from "node:assert/strict";
import { closeSync, openSync, truncateSync, writeFileSync } from "node:fs";
import { suite, test } from "node:test";
import { fileSource } from "../../src/blob/file-source.js";
import { readAll } from "../support/inflate.js";
import { scratch } from "../support/tmp.js";

const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));

function withFile(use: (fd: number, path: string) => void): void {
  using dir = scratch("file-source", 0);
  const path = dir.join("blob");
  writeFileSync(path, bytes);
  const fd = openSync(path, "r");
  try {
    use(fd, path);
  } finally {
    closeSync(fd);
  }
}

suite("a file source", () => {
  test("gives a range, whatever the size of its reads", () => {
    withFile((fd) => {
      for (const [offset, size] of [
        [0, 1000],
        [1, 999],
        [500, 0],
        [1000, 0],
        [17, 300],
      ] as const) {
        for (const chunk of [1, 7, 300, 4096, undefined]) {
          assert.deepEqual(readAll(fileSource({ fd, offset, size }, chunk)), bytes.subarray(offset, offset + size));
        }
      }
    });
  });

  test("shares its descriptor with others that read elsewhere", () => {
    withFile((fd) => {
      const one = fileSource({ fd, offset: 0, size: 20 }, 10);
      const two = fileSource({ fd, offset: 900, size: 20 }, 10);
      assert.deepEqual(Buffer.from(one.read() as Uint8Array), bytes.subarray(0, 10));
      assert.deepEqual(Buffer.from(two.read() as Uint8Array), bytes.subarray(900, 910));
      assert.deepEqual(Buffer.from(one.read() as Uint8Array), bytes.subarray(10, 20));
    });
  });

  test("says BAD_ARCHIVE where the file ends inside the range, even if it does so after a while", () => {
    withFile((fd, path) => {
      assert.throws(() => readAll(fileSource({ fd, offset: 900, size: 101 })), {
        code: "BAD_ARCHIVE",
        fields: { offset: 900, expected: 101, actual: 100 },
      });
      const source = fileSource({ fd, offset: 0, size: 1000 }, 500);
      source.read();
      truncateSync(path, 500);
      assert.throws(() => source.read(), { code: "BAD_ARCHIVE" });
    });
  });

  test("passes on what the system refuses", () => {
    const fd = openSync("/", "r");
    try {
      assert.throws(() => fileSource({ fd, offset: 0, size: 10 }).read(), { code: "IO", fields: { errno: "EISDIR" } });
    } finally {
      closeSync(fd);
    }
  });
});

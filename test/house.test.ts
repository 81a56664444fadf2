import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, it } from "node:test";

/** The rooms of src/, lowest first. A file imports from its own room and from rooms before it that it may know. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  model: ["errors.ts"],
  sys: ["errors.ts", "model"],
  blob: ["errors.ts", "model", "sys"],
  tar: ["errors.ts", "model", "blob"],
  "tar-split": ["errors.ts", "model", "blob", "tar"],
  source: ["errors.ts", "model", "sys", "blob", "tar"],
  layer: ["errors.ts", "model", "sys", "blob", "tar", "tar-split"],
  driver: ["errors.ts", "model", "sys"],
  store: ["errors.ts", "model", "sys", "blob", "tar", "tar-split", "source", "layer", "driver"],
  rootfs: ["errors.ts", "model", "sys", "blob", "tar", "driver", "store"],
  container: ["errors.ts", "model", "sys", "tar", "layer", "driver", "store", "rootfs"],
  audit: ["errors.ts", "model", "sys", "tar", "tar-split", "source", "layer", "driver", "store", "rootfs", "container"],
  cli: ["errors.ts", "model", "blob", "source", "layer", "driver", "store", "rootfs", "container", "audit"],
  commands: ["errors.ts", "source", "store", "rootfs", "container", "audit", "cli"],
  "index.ts": ["errors.ts", "model", "source", "layer", "store", "rootfs", "container", "audit"],
};

const SRC = "src";

function roomOf(file: string): string {
  return relative(SRC, file).split("/")[0] as string;
}

function sources(): string[] {
  return readdirSync(SRC, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(SRC, name));
}

function imports(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const specifiers = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g);
  return [...specifiers].map((match) => normalize(join(dirname(file), match[1] as string)).replace(/\.js$/, ".ts"));
}

describe("the house", () => {
  it("has only rooms that the plan names", () => {
    const unknown = sources().filter((file) => !(roomOf(file) in ROOMS));
    assert.deepEqual(unknown, []);
  });

  it("imports go down only", () => {
    const upwards = sources().flatMap((file) =>
      imports(file)
        .filter((target) => roomOf(target) !== roomOf(file) && !ROOMS[roomOf(file)]?.includes(roomOf(target)))
        .map((target) => `${file} -> ${target}`),
    );
    assert.deepEqual(upwards, []);
  });

  it("touches libc in sys and in the engine bindings only", () => {
    const others = sources().filter(
      (file) => /"koffi"/.test(readFileSync(file, "utf8")) && !/^src\/(sys|blob\/engines)\//.test(file),
    );
    assert.deepEqual(others, []);
  });

  it("loads oclif at the start of no command", () => {
    const others = sources().filter((file) =>
      /^import (?!type\b)[^;]*from "@oclif\//m.test(readFileSync(file, "utf8")),
    );
    assert.deepEqual(others, ["src/cli/help.ts"]);
  });

  it("keeps every file to one idea, at most 350 lines", () => {
    const long = sources().filter((file) => readFileSync(file, "utf8").split("\n").length > 350);
    assert.deepEqual(long, []);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { familiarString } from "../../src/model/reference.js";
import { parseLocator } from "../../src/source/locator.js";

const there = new Set(["dir", "a.tar", "/x/a:b.tar", "nginx"]);
const parse = (text: string) => {
  const locator = parseLocator(text, (path) => there.has(path));
  return locator.kind === "registry" ? [locator.kind, familiarString(locator.reference)] : Object.values(locator);
};

describe("parseLocator", () => {
  const cases: [text: string, expected: unknown[]][] = [
    ["-", ["stdin"]],
    ["oci:dir", ["oci", "dir", null]],
    ["oci:dir:latest", ["oci", "dir", "latest"]],
    ["oci:dir:", ["oci", "dir", null]],
    ["oci:/none/here", ["oci", "/none/here", null]],
    ["oci:/none/here:app:1", ["oci", "/none/here", "app:1"]],
    ["oci:dir:localhost:5000/x/app:1", ["oci", "dir", "localhost:5000/x/app:1"]],
    ["oci-archive:a.tar:app:1", ["oci-archive", "a.tar", "app:1"]],
    ["docker-archive:/x/a:b.tar", ["docker-archive", "/x/a:b.tar", null]],
    ["docker-archive:/x/a:b.tar:app:1", ["docker-archive", "/x/a:b.tar", "app:1"]],
    ["docker://nginx", ["registry", "nginx"]],
    ["docker://quay.io/a/b:1", ["registry", "quay.io/a/b:1"]],
    ["/anything", ["path", "/anything"]],
    ["./nginx", ["path", "./nginx"]],
    ["../nginx", ["path", "../nginx"]],
    ["nginx", ["path", "nginx"]],
    ["a.tar", ["path", "a.tar"]],
    ["redis", ["registry", "redis"]],
    ["redis:7", ["registry", "redis:7"]],
    ["b.tar", ["registry", "b.tar"]],
  ];
  for (const [text, expected] of cases)
    it(`takes ${text} for ${expected.join(" ")}`, () => assert.deepEqual(parse(text), expected));

  it("refuses what is nothing of all that", () => {
    for (const text of ["", "oci:", "oci::x", "docker-archive:", "docker://", "No Such", ".tar"]) {
      assert.throws(() => parse(text), { code: "USAGE" }, text);
    }
  });
});

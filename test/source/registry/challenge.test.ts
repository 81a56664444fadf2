import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseChallenges } from "../../../src/source/registry/challenge.js";

function parsed(...lines: string[]): [string, Record<string, string>][] {
  return parseChallenges(lines).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe("parseChallenges", () => {
  it("reads what registries ask with", () => {
    assert.deepEqual(
      parsed(
        'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/x:pull"',
      ),
      [
        [
          "bearer",
          { realm: "https://auth.docker.io/token", service: "registry.docker.io", scope: "repository:library/x:pull" },
        ],
      ],
    );
    assert.deepEqual(parsed('BASIC Realm="my \\"own\\" registry"'), [["basic", { realm: 'my "own" registry' }]]);
    assert.deepEqual(parsed("Bearer realm=https , service = x"), [["bearer", { realm: "https", service: "x" }]]);
  });

  it("tells several challenges from several parameters", () => {
    const both = [
      ["basic", { realm: "a, b" }],
      ["bearer", { realm: "c", service: "d" }],
    ];
    assert.deepEqual(parsed('Basic realm="a, b", Bearer realm="c", service="d"'), both);
    assert.deepEqual(parsed('Basic realm="a, b"', 'Bearer realm="c",service="d"'), both);
    assert.deepEqual(parsed("Negotiate, Basic"), [
      ["negotiate", {}],
      ["basic", {}],
    ]);
  });

  it("takes nothing from what is no challenge", () => {
    assert.deepEqual(parsed("", "=", '"Bearer"', "   "), []);
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OvlError } from "../../../src/errors.js";
import { InsecureHosts } from "../../../src/source/registry/insecure-hosts.js";

describe("--insecure-registry", () => {
  it("names hosts with their port, however they are written", async () => {
    const hosts = new InsecureHosts(["r.io:5000", "http://S.io/", "t.io:443", "[fd00::1]:5000"]);
    for (const host of ["r.io:5000", "R.io:5000", "s.io", "t.io", "t.io:443", "[fd00::1]:5000"]) {
      assert.equal(await hosts.has(host), true, host);
    }
    for (const host of ["r.io", "r.io:5001", "x.r.io:5000", "s.io:80", "[fd00::1]", "10.0.0.1"]) {
      assert.equal(await hosts.has(host), false, host);
    }
  });

  it("names networks, and means every host with an address in one", async () => {
    const hosts = new InsecureHosts(["10.0.0.0/8", "fd00::/16", "127.0.0.0/8"]);
    for (const host of ["10.1.2.3", "10.1.2.3:5000", "[fd00::1]:5000", "localhost:5000"]) {
      assert.equal(await hosts.has(host), true, host);
    }
    for (const host of ["11.0.0.1:5000", "[fe80::1]", "there-is-no.such-host.invalid:5000"]) {
      assert.equal(await hosts.has(host), false, host);
    }
    assert.equal(await new InsecureHosts(["10.1.0.0/16"]).has("localhost"), false);
  });

  it("is nothing else: USAGE, which does not repeat what may hold a password", () => {
    for (const text of [
      "",
      "10.0.0.0/33",
      "10.0.0/8",
      "fd00::/129",
      "r.io/path",
      "https://me:s3cret@r.io",
      "a b",
      "x:y",
    ]) {
      assert.throws(
        () => new InsecureHosts([text]),
        (error) => error instanceof OvlError && error.code === "USAGE" && !error.message.includes("s3cret"),
        text,
      );
    }
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isLoopback } from "../../../src/source/registry/host.js";
import { proxyFor } from "../../../src/source/registry/proxy.js";

const proxied = (url: string, env: Record<string, string>) => proxyFor(new URL(url), env)?.href ?? null;
const PROXY = "http://proxy.example.com:3128/";

describe("proxyFor", () => {
  it("goes by the scheme of the request", () => {
    assert.equal(proxied("https://r.io/v2/", { HTTPS_PROXY: PROXY, HTTP_PROXY: "http://other" }), PROXY);
    assert.equal(proxied("http://r.io/v2/", { HTTPS_PROXY: PROXY }), null);
    assert.equal(proxied("https://r.io/", { https_proxy: "proxy.example.com:3128" }), PROXY);
    assert.equal(proxied("https://r.io/", { HTTPS_PROXY: "" }), null);
  });

  it("never asks another for this machine", () => {
    for (const host of ["127.0.0.1:5000", "localhost", "[::1]:5000", "127.9.9.9", "x.localhost"]) {
      assert.equal(proxied(`https://${host}/`, { HTTPS_PROXY: PROXY }), null, host);
    }
  });

  const exempt: [list: string, url: string, direct: boolean][] = [
    ["*", "https://r.io", true],
    ["r.io", "https://r.io", true],
    ["r.io", "https://a.r.io", true],
    [".r.io", "https://a.r.io", true],
    [".r.io", "https://r.io", false],
    ["*.r.io", "https://a.r.io", true],
    ["r.io", "https://bar.io", false],
    ["x, r.io:5000 ", "https://r.io:5000", true],
    ["r.io:5000", "https://r.io", false],
    ["r.io:443", "https://r.io", true],
    ["10.0.0.0/8", "https://10.1.2.3", true],
    ["10.0.0.0/8", "https://11.1.2.3", false],
    ["10.0.0.0/99", "https://10.1.2.3", false],
    ["10.1.2.3", "https://10.1.2.3:5000", true],
    ["fd00::/8", "https://[fd00::1]:5000", true],
    ["fd00::1", "https://[fd00::1]", true],
  ];
  for (const [list, url, direct] of exempt) {
    it(`NO_PROXY=${list} ${direct ? "spares" : "does not spare"} ${url}`, () => {
      assert.equal(proxied(url, { HTTPS_PROXY: PROXY, NO_PROXY: list }), direct ? null : PROXY);
    });
  }
});

describe("isLoopback", () => {
  it("is this machine and nothing that only looks like it", () => {
    for (const host of ["localhost:5000", "127.0.0.1", "[::1]:5000", "::1"]) assert.equal(isLoopback(host), true, host);
    for (const host of ["127.0.0.1.example.com", "localhost.example.com", "[::2]", "10.0.0.1", "r.io:5000"]) {
      assert.equal(isLoopback(host), false, host);
    }
  });
});

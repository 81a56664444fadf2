import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, it } from "node:test";
import { parseReference } from "../../../src/model/reference.js";
import {
  authKeys,
  credentialsIn,
  podmanAuthPaths,
  readAuthFile,
  writeAuthFile,
} from "../../../src/source/registry/auth-file.js";
import { findCredentials } from "../../../src/source/registry/credentials.js";
import { credentialPlaces, withEnvironment } from "../../support/credentials.js";
import { scratch } from "../../support/tmp.js";

const entry = (text: string) => ({ auth: Buffer.from(text).toString("base64") });

function found(auths: Record<string, unknown>, name: string): string | null {
  const { domain, path } = parseReference(name);
  const credentials = credentialsIn({ path: "x", content: { auths } }, authKeys(domain, path));
  return credentials && `${credentials.username}:${credentials.password}:${credentials.identityToken ?? ""}`;
}

describe("credentials in a file", () => {
  it("are found under every name that clients have used", () => {
    for (const key of ["r.io", "https://r.io", "http://r.io/v1/", "r.io/v2/", "https://r.io/"]) {
      assert.equal(found({ [key]: entry("me:pw") }, "r.io/a/b"), "me:pw:", key);
    }
    for (const key of ["https://index.docker.io/v1/", "docker.io", "index.docker.io"]) {
      assert.equal(found({ [key]: entry("me:pw") }, "nginx"), "me:pw:", key);
    }
  });

  it("are those of the longest part of the name", () => {
    const auths = { "r.io": entry("all:1"), "r.io/a": entry("some:2"), "r.io/a/b": entry("one:3") };
    assert.equal(found(auths, "r.io/a/b"), "one:3:");
    assert.equal(found(auths, "r.io/a/c"), "some:2:");
    assert.equal(found(auths, "r.io/ab"), "all:1:");
  });

  it("belong to one host and port", () => {
    const auths = { "r.io": entry("a:1") };
    for (const name of ["r.io:5000/x", "x.r.io/x", "s.io/x", "nginx"]) assert.equal(found(auths, name), null, name);
  });

  it("may have colons in the password, plain fields, or a token instead", () => {
    assert.equal(found({ "r.io": entry("me:p:w") }, "r.io/x"), "me:p:w:");
    assert.equal(found({ "r.io": { username: "me", password: "pw" } }, "r.io/x"), "me:pw:");
    assert.equal(found({ "r.io": { ...entry("me:"), identitytoken: "tok" } }, "r.io/x"), "me::tok");
    for (const nothing of [{}, entry(""), entry("nocolon"), { auth: 7 }, null, "x"]) {
      assert.equal(found({ "r.io": nothing }, "r.io/x"), null, JSON.stringify(nothing));
    }
  });

  it("that is no JSON object is refused, one that is not there or has nothing in it is empty", () => {
    using dir = scratch("auth", 0);
    assert.deepEqual(readAuthFile(dir.join("none.json")).content, {});
    for (const text of ["", " \t\r\n"]) {
      writeFileSync(dir.join("empty.json"), text);
      assert.deepEqual(readAuthFile(dir.join("empty.json")).content, {});
    }
    for (const text of ["[]", "{", "null", "\0"]) {
      writeFileSync(dir.join("bad.json"), text);
      assert.throws(() => readAuthFile(dir.join("bad.json")), { code: "BAD_CONFIG" }, text);
    }
  });

  it("are written for their owner only, also where the file was open to all", () => {
    using dir = scratch("auth", 0);
    const path = dir.join("new/config.json");
    writeAuthFile({ path, content: { auths: {} } });
    chmodSync(path, 0o644);
    writeAuthFile({ path, content: { x: 1 } });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(JSON.parse(readFileSync(path, "utf8")), { x: 1 });
  });
});

describe("the files with credentials", () => {
  it("are asked in the order of podman and skopeo, docker's last", async () => {
    using dir = scratch("auth-order", 0);
    const places = credentialPlaces(dir.path);
    const paths = ["named.json", "run/containers/auth.json", "config/containers/auth.json", "config.json"].map((name) =>
      dir.join(name),
    );
    for (const path of paths) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, JSON.stringify({ auths: { "r.io": entry(`${path}:pw`) } }));
    }
    const restore = withEnvironment({ ...places, REGISTRY_AUTH_FILE: dir.join("named.json") });
    try {
      for (const path of paths) {
        assert.equal((await findCredentials("r.io", "x"))?.username, path);
        assert.equal(await findCredentials("s.io", "x"), null);
        rmSync(path);
      }
      assert.equal(await findCredentials("r.io", "x"), null);
    } finally {
      restore();
    }
  });

  it("are where podman and skopeo have theirs without the variables of a session, too", () => {
    const paths = podmanAuthPaths({});
    assert.equal(paths[0], `/run/containers/${process.getuid?.()}/auth.json`);
    assert.match(paths[1] ?? "", /\/\.config\/containers\/auth\.json$/);
  });

  it("count for nothing where nobody may look for them", async () => {
    using dir = scratch("auth-below-file", 0);
    writeFileSync(dir.join("run"), "no directory");
    const restore = withEnvironment(credentialPlaces(dir.path));
    try {
      assert.equal(await findCredentials("r.io", "x"), null);
    } finally {
      restore();
    }
  });
});

describe("credential helpers", () => {
  it("are asked for the registries that docker's file gives them, and their failures do not show what they said", async () => {
    using dir = scratch("helper", 0);
    const script = `#!/bin/sh
[ "$1" = get ] || exit 1
read -r server
case "$server" in
  good.io) echo '{"ServerURL":"good.io","Username":"helped","Secret":"s"}' ;;
  token.io) echo '{"Username":"<token>","Secret":"identity"}' ;;
  none.io) echo 'credentials not found in native keychain'; exit 1 ;;
  *) echo 'the secret is s3cret'; exit 1 ;;
esac
`;
    writeFileSync(dir.join("docker-credential-test"), script, { mode: 0o755 });
    const config = {
      credsStore: "missing",
      credHelpers: Object.fromEntries(["good.io", "token.io", "none.io", "bad.io"].map((host) => [host, "test"])),
      auths: { "none.io": entry("from:file") },
    };
    writeFileSync(dir.join("config.json"), JSON.stringify(config));
    const restore = withEnvironment({ ...credentialPlaces(dir.path), PATH: `${dir.path}:${process.env["PATH"]}` });
    try {
      assert.equal((await findCredentials("good.io", "x"))?.username, "helped");
      assert.equal((await findCredentials("token.io", "x"))?.identityToken, "identity");
      assert.equal((await findCredentials("none.io", "x"))?.username, "from");
      await assert.rejects(findCredentials("bad.io", "x"), (error: Error & { code?: string }) => {
        assert.equal(error.code, "UNAUTHORIZED");
        assert.doesNotMatch(`${error.stack}`, /s3cret/);
        return true;
      });
      await assert.rejects(findCredentials("other.io", "x"), {
        code: "UNAUTHORIZED",
        message: /docker-credential-missing/,
      });
    } finally {
      restore();
    }
  });
});

/** Certificates for TLS in `certs.d`, as dockerd reads them: whom to trust, and who to be. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { createServer, type TLSSocket } from "node:tls";
import { OvlError } from "../../../src/errors.js";
import { certificateDirectories } from "../../../src/source/registry/certificate-paths.js";
import { tlsFiles } from "../../../src/source/registry/certificates.js";
import { image } from "../../support/image-builder.js";
import { oracle } from "../../support/oracles.js";
import { makeCertificates, makeClientCertificate } from "../../support/registry.js";
import { file, layer } from "../../support/tar-builder.js";
import { type Scratch, scratch } from "../../support/tmp.js";
import { type FakeRegistry, fakeRegistry } from "./fake-registry.js";
import { IMPATIENT, pullInto, USER } from "./pulling.js";

const app = image({ layers: [layer(file("x", "x"))] });

describe("a registry that wants to see a certificate", { skip: oracle("openssl") }, () => {
  let space: Scratch;
  let registry: FakeRegistry;
  let tokens: FakeRegistry;
  let directory: string;
  /** Names on the certificates that the token service was shown. */
  const shown: unknown[] = [];
  let turn = 0;

  before(async () => {
    space = scratch("certificates", 0);
    const { ca, cert, key } = await makeCertificates(space);
    await makeClientCertificate(space, "client");
    await makeClientCertificate(space, "other");
    const tls = { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key), requestCert: true };
    // By TLS 1.3 some servers only hang up on whoever shows no certificate; 1.2 says why.
    registry = await fakeRegistry(app, { ...tls, rejectUnauthorized: true, maxVersion: "TLSv1.2" });
    tokens = await fakeRegistry(app, { ...tls, rejectUnauthorized: false });
  });
  after(async () => {
    for (const server of [registry, tokens]) await server?.[Symbol.asyncDispose]();
    space?.[Symbol.dispose]();
  });
  beforeEach(() => {
    turn += 1;
    directory = space.join("certs.d", registry.host);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    registry.misbehave(() => false);
  });

  const put = (...names: string[]) => {
    for (const name of names) copyFileSync(space.join(name), `${directory}/${name}`);
  };
  const pulled = (more: object = {}) =>
    pullInto(space.join(`root-${turn}`), `docker://${registry.host}/team/app:1`, {
      ...IMPATIENT,
      certificates: [space.join("certs.d")],
      ...more,
    });
  async function accepts(): Promise<void> {
    const result = await pulled();
    if (result instanceof OvlError) throw result;
    assert.equal(result.images[0]?.id, app.id);
  }
  async function refuses(code: string, more: object = {}): Promise<string> {
    const result = await pulled(more);
    assert.ok(result instanceof OvlError, "it was pulled");
    assert.equal(result.code, code, result.message);
    return result.message;
  }

  it("is trusted by its authority in certs.d and gets the certificate beside it", async () => {
    put("ca.crt", "client.cert", "client.key");
    await accepts();
  });

  it("is not trusted without that authority, nor let in without a certificate", async () => {
    put("client.cert", "client.key");
    assert.match(await refuses("NETWORK"), /certificate is not trusted .*certs\.d.*ca\.crt/);
    put("ca.crt");
    rmSync(`${directory}/client.cert`);
    rmSync(`${directory}/client.key`);
    assert.match(await refuses("NETWORK"), /wants to see a certificate.*client\.cert/);
  });

  it("may hang up on whoever shows no certificate, which is guessed at", async () => {
    const hasty = createServer({
      key: readFileSync(space.join("server.key")),
      cert: readFileSync(space.join("server.crt")),
    });
    hasty.on("secureConnection", (socket) => socket.once("data", () => socket.destroy()));
    await new Promise<void>((resolve) => hasty.listen(0, "127.0.0.1", resolve));
    try {
      const host = `127.0.0.1:${(hasty.address() as AddressInfo).port}`;
      const options = { ...IMPATIENT, caFiles: [space.join("ca.crt")] };
      const result = await pullInto(space.join(`root-${turn}`), `docker://${host}/team/app:1`, options);
      assert.ok(result instanceof OvlError && result.code === "NETWORK", String(result));
      assert.match(result.message, /cut before it answered; does it want to see a certificate/);
    } finally {
      hasty.close();
    }
  });

  it("is not asked at all where a certificate has no key, a key no certificate, or they do not match", async () => {
    put("ca.crt", "client.cert");
    assert.match(await refuses("BAD_CONFIG"), /client\.cert has no client\.key beside it.*\.crt/);
    rmSync(`${directory}/client.cert`);
    put("client.key");
    assert.match(await refuses("BAD_CONFIG"), /client\.key has no client\.cert beside it/);
    put("client.cert");
    copyFileSync(space.join("other.key"), `${directory}/client.key`);
    assert.match(await refuses("BAD_CONFIG"), /client\.cert and .*client\.key are not a certificate and its key/);
    writeFileSync(`${directory}/client.key`, "no key");
    assert.match(await refuses("BAD_CONFIG"), /client\.key/);
  });

  it("may have files beside them that are no certificates", async () => {
    put("ca.crt", "client.cert", "client.key", "other.cert", "other.key");
    writeFileSync(`${directory}/notes.txt`, "x");
    writeFileSync(`${directory}/empty.crt`, "");
    await accepts();
  });

  it("vouches for its token service as well, which does not see who we are", async () => {
    put("ca.crt", "client.cert", "client.key");
    tokens.misbehave((request, response) => {
      shown.push((request.socket as TLSSocket).getPeerCertificate().subject?.CN);
      response.end('{"token":"t0ken"}');
      return true;
    });
    registry.misbehave((request, response) => {
      if (request.headers.authorization === "Bearer t0ken") return false;
      const challenge = `Bearer realm="https://${tokens.host}/token",service="s"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
      return true;
    });
    const result = await pulled({ credentials: USER });
    assert.ok(!(result instanceof OvlError), String(result));
    assert.deepEqual([...new Set(shown)], [undefined]);
  });
});

it("certificates of an ordinary user lie where a rootless dockerd has them, too", () => {
  assert.deepEqual(certificateDirectories({ XDG_CONFIG_HOME: "/home/u/.config" }, 0), ["/etc/docker/certs.d"]);
  assert.deepEqual(certificateDirectories({ XDG_CONFIG_HOME: "/home/u/.config" }, 1000), [
    "/etc/docker/certs.d",
    "/home/u/.config/docker/certs.d",
  ]);
});

it("the system's authorities, or those that SSL_CERT_FILE names, are the only ones beside docker's", () => {
  using dir = scratch("authorities", 0);
  const text = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
  writeFileSync(dir.join("all.pem"), text);
  const kept = process.env["SSL_CERT_FILE"];
  process.env["SSL_CERT_FILE"] = dir.join("all.pem");
  try {
    assert.deepEqual(tlsFiles("r.io", "r.io", { ...IMPATIENT, certificates: [] }).ca, [text]);
    process.env["SSL_CERT_FILE"] = dir.join("none.pem");
    assert.throws(() => tlsFiles("r.io", "r.io", IMPATIENT), { code: "NOT_FOUND", message: /none\.pem/ });
  } finally {
    if (kept === undefined) delete process.env["SSL_CERT_FILE"];
    else process.env["SSL_CERT_FILE"] = kept;
  }
});

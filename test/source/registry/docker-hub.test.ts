/** Docker Hub's names, hosts and credentials, behind a proxy that leads to a server of this test. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { OvlError } from "../../../src/errors.js";
import { openStore } from "../../../src/store/store.js";
import { credentialPlaces, withEnvironment } from "../../support/credentials.js";
import { image } from "../../support/image-builder.js";
import { oracle } from "../../support/oracles.js";
import { ovl, ovlJson } from "../../support/ovl.js";
import { makeCertificates } from "../../support/registry.js";
import { file, layer } from "../../support/tar-builder.js";
import { type Scratch, scratch } from "../../support/tmp.js";
import { type FakeRegistry, fakeRegistry, type Seen } from "./fake-registry.js";
import { IMPATIENT, pullInto, SECRETS, USER } from "./pulling.js";

const app = image({ layers: [layer(file("x", "x"))] });
const TOKEN = "https://auth.docker.io/token";

describe("Docker Hub", { skip: oracle("openssl") }, () => {
  let restore: () => void;
  let space: Scratch;
  let hub: FakeRegistry;
  let ca: string;
  let turn = 0;
  const tunnels = new Set<string>();
  const proxy = createServer().on("connect", (request, socket, head) => {
    tunnels.add(request.url ?? "");
    const upstream = connect(Number(hub.host.split(":")[1]), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    for (const end of [socket, upstream]) end.on("error", () => end.destroy());
  });

  before(async () => {
    space = scratch("hub", 0);
    const made = await makeCertificates(space, ["registry-1.docker.io", "auth.docker.io"]);
    ca = made.ca;
    hub = await fakeRegistry(app, { cert: readFileSync(made.cert), key: readFileSync(made.key) });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    restore = withEnvironment({ ...credentialPlaces(space.path), HTTPS_PROXY: address, NO_PROXY: "" });
    hub.misbehave((request, response, path) => {
      const { authorization, host } = request.headers;
      if (host === "auth.docker.io") {
        response.end('{"token":"hub-t0ken"}');
        return true;
      }
      if (authorization !== "Bearer hub-t0ken") {
        const header = `Bearer realm="${TOKEN}",service="registry.docker.io"`;
        response.writeHead(401, { "www-authenticate": header }).end();
        return true;
      }
      request.url = path.replace("/library/nginx/", "/team/app/");
      return false;
    });
  });
  beforeEach(() => {
    turn += 1;
    tunnels.clear();
    (hub.seen as Seen[]).length = 0;
  });
  after(async () => {
    restore?.();
    proxy.close();
    proxy.closeAllConnections();
    await hub?.[Symbol.asyncDispose]();
    space?.[Symbol.dispose]();
  });

  const asked = () => hub.seen.filter(({ headers }) => headers.host === "registry-1.docker.io").map(({ url }) => url);
  const service = () => hub.seen.filter(({ headers }) => headers.host === "auth.docker.io");

  for (const name of ["nginx:1", "docker.io/library/nginx:1", "index.docker.io/nginx:1", "docker://library/nginx:1"]) {
    it(`has ${name} as library/nginx, at registry-1.docker.io`, async () => {
      writeFileSync(space.join("config.json"), "{}");
      const root = space.join(`root-${turn}`);
      const result = await pullInto(root, name, { ...IMPATIENT, caFiles: [ca] });
      if (result instanceof OvlError) throw result;
      assert.deepEqual(result.images[0]?.names, ["nginx:1"]);
      assert.deepEqual([...tunnels].sort(), ["auth.docker.io:443", "registry-1.docker.io:443"]);
      assert.equal(asked()[0], "/v2/library/nginx/manifests/1");
      assert.deepEqual(
        service().map(({ url, headers }) => [url, headers.authorization]),
        [["/token?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull", undefined]],
      );
      await using store = await openStore({ root, driver: null });
      const [note] = store.distribution.blobsOf(app.diffIds[0] as never);
      assert.equal(note?.repository, "docker.io/library/nginx");
    });
  }

  it("is told who asks by what docker files under https://index.docker.io/v1/, and only its token service is", async () => {
    const auths = { "https://index.docker.io/v1/": { auth: SECRETS[1] }, "auth.docker.io": { auth: "eDp5" } };
    writeFileSync(space.join("config.json"), JSON.stringify({ auths }));
    const result = await pullInto(space.join(`root-${turn}`), "nginx:1", { ...IMPATIENT, caFiles: [ca] });
    if (result instanceof OvlError) throw result;
    const [request, ...more] = service();
    assert.equal(more.length, 0);
    assert.equal(request?.headers.authorization, `Basic ${SECRETS[1]}`);
    assert.match(request?.url ?? "", new RegExp(`account=${USER.username}$`));
    const others = JSON.stringify(hub.seen.filter((one) => one !== request));
    for (const secret of SECRETS) assert.equal(others.includes(secret), false);
  });

  for (const name of [
    [],
    ["docker.io"],
    ["index.docker.io"],
    ["registry-1.docker.io"],
    ["https://index.docker.io/v1/"],
  ]) {
    it(`is what login ${name[0] ?? "without a name"} means, and logout`, async () => {
      writeFileSync(space.join("config.json"), "{}");
      const stored = () => JSON.parse(readFileSync(space.join("config.json"), "utf8"));
      const flags = ["-u", USER.username, "--password-stdin", "--cacert", ca];
      const { status, stdout, stderr } = await ovl(["login", ...name, ...flags], { input: Buffer.from(USER.password) });
      assert.deepEqual([status, stdout], [0, "Logged in to docker.io\n"], stderr);
      assert.deepEqual([...tunnels], ["registry-1.docker.io:443"]);
      assert.deepEqual(stored(), { auths: { "https://index.docker.io/v1/": { auth: SECRETS[1] } } });
      const { json } = await ovlJson(["logout", ...name]);
      assert.deepEqual(json, { registry: "docker.io", removed: true });
      assert.deepEqual(stored(), { auths: {} });
    });
  }
});

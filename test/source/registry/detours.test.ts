/** Ways to a registry that are not the straight one: mirrors and proxies. */
import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { OvlError } from "../../../src/errors.js";
import { openStore } from "../../../src/store/store.js";
import { credentialPlaces, withEnvironment } from "../../support/credentials.js";
import { image, json, MEDIA } from "../../support/image-builder.js";
import { file, layer } from "../../support/tar-builder.js";
import { type Scratch, scratch } from "../../support/tmp.js";
import { type FakeRegistry, fakeRegistry, type Seen } from "./fake-registry.js";
import { IMPATIENT, pullInto, SECRETS, USER } from "./pulling.js";

const app = image({ layers: [layer(file("x", "x".repeat(100_000)))] });

describe("on the way to a registry", () => {
  let space: Scratch;
  let one: FakeRegistry;
  let two: FakeRegistry;
  let turn = 0;
  let restore: () => void;

  before(async () => {
    space = scratch("detours", 0);
    [one, two] = await Promise.all([fakeRegistry(app), fakeRegistry(app)]);
    restore = withEnvironment({ ...credentialPlaces(space.dir("docker")), HTTP_PROXY: "", HTTPS_PROXY: "" });
  });
  beforeEach(() => {
    turn += 1;
    for (const registry of [one, two]) {
      registry.misbehave(() => false);
      (registry.seen as Seen[]).length = 0;
    }
  });
  after(async () => {
    restore();
    await Promise.all([one, two].map((registry) => registry[Symbol.asyncDispose]()));
    space[Symbol.dispose]();
  });

  const root = () => space.join(`root-${turn}`);
  async function pulls(source: string, options: object): Promise<readonly string[]> {
    const result = await pullInto(root(), source, { ...IMPATIENT, ...options });
    if (result instanceof OvlError) throw result;
    assert.equal(result.images[0]?.id, app.id);
    return result.images[0]?.names ?? [];
  }

  it("a mirror gives what Docker Hub would, under its name there", async () => {
    assert.deepEqual(await pulls("docker://team/app:1", { mirrors: [`http://${one.host}`] }), ["team/app:1"]);
    await using store = await openStore({ root: root(), driver: null });
    const digest = one.layers[0]?.digest;
    assert.deepEqual(store.distribution.blobsOf(app.diffIds[0] as never), [
      { digest, repository: "docker.io/team/app", hmac: "" },
    ]);
  });

  it("a mirror that lacks something is no reason to give up", async () => {
    one.misbehave((_, response, path) => {
      if (!path.includes("/manifests/")) return false;
      response.writeHead(404).end();
      return true;
    });
    await pulls("docker://team/app:1", { mirrors: [one.host, two.host] });
    assert.ok(two.seen.some(({ url }) => url.includes("/blobs/")));
  });

  it("a mirror that has a manifest but not its layers leaves them to the next one", async () => {
    one.misbehave((_, response, path) => {
      if (!path.endsWith(one.layers[0]?.digest as string)) return false;
      response.writeHead(500).end();
      return true;
    });
    await pulls("docker://team/app:1", { mirrors: [one.host, two.host] });
  });

  const failures: [title: string, answer: (response: ServerResponse) => unknown][] = [
    ["has it not", (response) => response.writeHead(404).end()],
    ["has other bytes", (response) => response.end("{}")],
    ["hangs up", (response) => response.destroy()],
  ];
  for (const [title, answer] of failures) {
    it(`a mirror that ${title} when asked for a config leaves it to the next one`, async () => {
      one.misbehave((_, response, path) => {
        if (!path.endsWith(app.id)) return false;
        answer(response);
        return true;
      });
      await pulls("docker://team/app:1", { mirrors: [one.host, two.host] });
      assert.ok(two.seen.some(({ url }) => url.endsWith(app.id)));
    });

    it(`a mirror that ${title} when asked for a manifest of an index leaves it to the next one`, async () => {
      const { digest, bytes } = one.manifest;
      const manifests = [{ mediaType: MEDIA.manifest, digest, size: bytes.length }];
      one.misbehave((_, response, path) => {
        if (path.endsWith("/manifests/1")) {
          response.writeHead(200, { "content-type": MEDIA.index });
          response.end(json({ schemaVersion: 2, mediaType: MEDIA.index, manifests }));
        } else if (path.endsWith(digest)) answer(response);
        else return false;
        return true;
      });
      await pulls("docker://team/app:1", { mirrors: [one.host, two.host] });
      assert.ok(two.seen.some(({ url }) => url.endsWith(digest)));
    });
  }

  it("a mirror is not told who we are at Docker Hub", async () => {
    one.misbehave((_, response) => {
      response.writeHead(401, { "www-authenticate": "Basic" }).end();
      return true;
    });
    await pulls("docker://team/app:1", { mirrors: [one.host, two.host], credentials: USER });
    const shown = JSON.stringify([one.seen, two.seen]);
    for (const secret of SECRETS) assert.equal(shown.includes(secret), false);
  });

  it("a mirror without TLS has to be allowed, a mirror with a path is none", async () => {
    for (const mirror of ["http://mirror.invalid", "https://mirror.invalid/path", "ftp://x", ""]) {
      await assert.rejects(
        pulls("docker://team/app:1", { mirrors: [mirror, two.host] }).then((names) => names),
        {
          code: "USAGE",
        },
      );
    }
  });

  it("a proxy is asked for registries elsewhere, and only it knows where they are", async () => {
    const tunnels: string[] = [];
    const proxy = createServer().on("connect", (request, socket, head) => {
      tunnels.push(`${request.url} ${request.headers["proxy-authorization"] ?? ""}`);
      const [host, port] = one.host.split(":") as [string, string];
      const upstream = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      for (const end of [socket, upstream]) end.on("error", () => end.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const address = `http://me:pr0xy-password@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    Object.assign(process.env, { HTTP_PROXY: address, HTTPS_PROXY: address });
    try {
      const host = "registry.test:5000";
      await pulls(`docker://${host}/team/app:1`, { insecure: [host], credentials: USER });
      const token = `Basic ${Buffer.from("me:pr0xy-password").toString("base64")}`;
      assert.deepEqual([...new Set(tunnels)], [`${host} ${token}`]);
      assert.ok(one.seen.every(({ headers }) => headers["proxy-authorization"] === undefined));
      await pulls(`docker://${two.host}/team/app:1`, {});
      assert.equal(
        tunnels.some((tunnel) => tunnel.startsWith("127.")),
        false,
      );
    } finally {
      delete process.env["HTTP_PROXY"];
      delete process.env["HTTPS_PROXY"];
      proxy.close();
      proxy.closeAllConnections();
    }
  });

  const proxies: [title: string, address: (port: number) => string, code: string, message: RegExp][] = [
    [
      "that wants a password is said to",
      (port) => `http://me:pr0xy@127.0.0.1:${port}`,
      "NETWORK",
      /407: it wants a user/,
    ],
    ["of another kind is refused", () => "socks5://me:pr0xy@127.0.0.1:1080", "USAGE", /HTTPS_PROXY .*socks5/],
    ["that is no address is refused", () => "http://me:pr0xy@[::1", "USAGE", /HTTPS_PROXY is no address/],
  ];
  for (const [title, address, code, message] of proxies) {
    it(`a proxy ${title}, and its password is not`, async () => {
      let asked = 0;
      const proxy = createServer().on("connect", (_, socket) => {
        asked += 1;
        socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
      });
      await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
      process.env["HTTPS_PROXY"] = address((proxy.address() as AddressInfo).port);
      try {
        await assert.rejects(pulls("docker://registry.test/team/app:1", {}), (error: unknown) => {
          assert.ok(error instanceof OvlError);
          assert.equal(error.code, code, error.message);
          assert.match(error.message, message);
          assert.equal(`${error.stack}${JSON.stringify(error.fields)}${String(error.cause)}`.includes("pr0xy"), false);
          return true;
        });
        assert.ok(asked <= 1, "it is not asked again");
      } finally {
        delete process.env["HTTPS_PROXY"];
        proxy.close();
      }
    });
  }
});

/**
 * Registries that lie, stall, and lead astray. However one behaves, a pull ends in time with a code of the contract,
 * nothing is registered, and nobody but the registry has seen who was asking.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { after, before, beforeEach, describe, it } from "node:test";
import { OvlError } from "../../../src/errors.js";
import { expectSound } from "../../support/expect-sound.js";
import { image } from "../../support/image-builder.js";
import { file, layer } from "../../support/tar-builder.js";
import { type Scratch, scratch } from "../../support/tmp.js";
import { type FakeRegistry, fakeRegistry, type Misbehaviour, type Seen, sendBlob } from "./fake-registry.js";
import { expectNothing, IMPATIENT, pullInto, SECRETS, USER } from "./pulling.js";

const MB = 1_000_000;
/** A layer that does not compress, so that five megabytes of it are five megabytes on the wire. */
const app = image({ layers: [layer(file("noise", randomBytes(12 * MB))), layer(file("etc/x", "x"))] });

/** No case may take longer. */
const LIMIT_MS = 30_000;

type Answer = readonly [status: number, headers?: Record<string, string>, body?: string | Uint8Array];

/** The same answer to every request for such a path; true: it was given. */
function always(path: RegExp, ...[status, headers = {}, body = ""]: Answer): Misbehaviour {
  return (_, response, asked) => {
    if (!path.test(asked)) return false;
    response.writeHead(status, headers).end(body);
    return true;
  };
}

const MANIFEST = /\/manifests\//;
const BLOB = /\/blobs\//;
const JSON_TYPE = { "content-type": "application/vnd.oci.image.manifest.v1+json" };

describe("a registry that misbehaves", () => {
  let space: Scratch;
  let registry: FakeRegistry;
  let other: FakeRegistry;
  let turn = 0;
  let noise: string;
  let noiseBytes: Buffer;

  before(async () => {
    space = scratch("misbehaving", 0);
    other = await fakeRegistry(app);
  });
  beforeEach(async () => {
    await registry?.[Symbol.asyncDispose]();
    registry = await fakeRegistry(app);
    [noise, noiseBytes] = Object.values(registry.layers[0] as FakeRegistry["layers"][0]) as [string, Buffer];
    other.misbehave(() => false);
    (other.seen as Seen[]).length = 0;
    turn += 1;
  });
  after(async () => {
    await registry?.[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    space[Symbol.dispose]();
  });

  const root = () => space.join(`root-${turn}`);
  const asked = (path: RegExp) => registry.seen.filter(({ url }) => path.test(url));
  const askedForNoise = () => asked(BLOB).filter(({ url }) => url.endsWith(noise));

  /** The pull as somebody, whose secrets must stay with the registry. */
  async function pulls(name = "team/app:1", options = { ...IMPATIENT, credentials: USER }) {
    const started = performance.now();
    const result = await pullInto(root(), `docker://${registry.host}/${name}`, options);
    assert.ok(performance.now() - started < LIMIT_MS, `it took ${performance.now() - started} ms`);
    for (const { url, headers } of other.seen) {
      const shown = JSON.stringify([url, headers]);
      assert.equal(headers.authorization, undefined, "the other host was told who is asking");
      for (const secret of SECRETS) assert.equal(shown.includes(secret), false, shown);
    }
    return result;
  }

  async function refuses(code: string, name?: string): Promise<OvlError> {
    const result = await pulls(name);
    if (!(result instanceof OvlError)) return assert.fail("it was pulled");
    assert.equal(result.code, code, result.message);
    const shown = `${result.stack}${JSON.stringify(result.toData())}${String((result.cause as Error)?.stack)}`;
    for (const secret of SECRETS) assert.equal(shown.includes(secret), false, shown);
    assert.deepEqual(expectNothing(root()), []);
    return result;
  }

  async function accepts(): Promise<void> {
    const result = await pulls();
    if (result instanceof OvlError) throw result;
    assert.equal(result.images[0]?.id, app.id);
    expectSound(root());
  }

  it("that cuts connections at every fifth megabyte is asked for the rest each time", async () => {
    registry.misbehave((request, response, path) => {
      if (!path.endsWith(noise)) return false;
      sendBlob(request, response, noiseBytes, 5 * MB);
      return true;
    });
    await accepts();
    const ranges = askedForNoise().map(({ headers }) => headers.range);
    assert.equal(ranges.length, 3, String(ranges));
    assert.equal(ranges[0], undefined);
    for (const range of ranges.slice(1)) assert.match(String(range), /^bytes=\d+-$/);
  });

  it("that cuts them and knows no ranges is given up", async () => {
    registry.misbehave((request, response, path) => {
      if (!path.endsWith(noise)) return false;
      delete request.headers.range;
      sendBlob(request, response, noiseBytes, 5 * MB);
      return true;
    });
    await refuses("NETWORK");
    assert.ok(askedForNoise().length <= 8);
  });

  it("that sends other bytes is asked once more, and then refused", async () => {
    const wrong = () => Buffer.from(noiseBytes).fill(7, 3 * MB, 3 * MB + 5);
    registry.misbehave((request, response, path) => {
      if (!path.endsWith(noise)) return false;
      sendBlob(request, response, wrong());
      return true;
    });
    await refuses("DIGEST_MISMATCH");
    assert.equal(askedForNoise().length, 2);
  });

  it("that sends other bytes once is forgiven", async () => {
    registry.misbehave((request, response, path) => {
      if (!path.endsWith(noise) || askedForNoise().length > 1) return false;
      sendBlob(request, response, randomBytes(noiseBytes.length));
      return true;
    });
    await accepts();
  });

  for (const [title, length] of [
    ["less", -1000],
    ["more", 1000],
  ] as const) {
    it(`that has ${title} of a layer than its manifest says is refused`, async () => {
      registry.misbehave((request, response, path) => {
        if (!path.endsWith(noise)) return false;
        const bytes = Buffer.concat([noiseBytes, Buffer.alloc(1000)]);
        sendBlob(request, response, bytes.subarray(0, bytes.length - 1000 + length));
        return true;
      });
      await refuses("SIZE_MISMATCH");
    });

    it(`that sends ${title} of a layer without saying how much is refused`, async () => {
      registry.misbehave((_, response, path) => {
        if (!path.endsWith(noise)) return false;
        const bytes = Buffer.concat([noiseBytes, Buffer.alloc(1000)]);
        response.writeHead(200).end(bytes.subarray(0, bytes.length - 1000 + length));
        return true;
      });
      await refuses("SIZE_MISMATCH");
    });
  }

  it("that never stops sending is left after the size that was promised", async () => {
    let sent = 0;
    registry.misbehave((_, response, path) => {
      if (!path.endsWith(noise)) return false;
      response.writeHead(200);
      const chunk = noiseBytes.subarray(0, MB);
      const more = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
        sent += chunk.length;
      };
      response.on("drain", more);
      more();
      return true;
    });
    await refuses("SIZE_MISMATCH");
    assert.ok(sent < 60 * MB, `${sent} bytes were taken`);
  });

  it("that never stops sending a manifest is left, too", async () => {
    registry.misbehave((_, response, path) => {
      if (!MANIFEST.test(path)) return false;
      response.writeHead(200, JSON_TYPE);
      const chunk = Buffer.alloc(64 * 1024, " ");
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", more);
      more();
      return true;
    });
    await refuses("REGISTRY");
  });

  const documents: [title: string, answer: Answer, code: string][] = [
    ["a web page", [200, { "content-type": "text/html" }, "<html>Sign in to the hotel's network</html>"], "REGISTRY"],
    ["a manifest of 5 MB", [200, JSON_TYPE, Buffer.alloc(5 * MB, " ")], "REGISTRY"],
    ["no JSON", [200, JSON_TYPE, "<html>"], "BAD_MANIFEST"],
    ["half a manifest", [200, JSON_TYPE, '{"schemaVersion":2,'], "BAD_MANIFEST"],
    ["something else in JSON", [200, { "content-type": "application/json" }, '{"hello":"world"}'], "BAD_MANIFEST"],
    [
      "a manifest of the first kind",
      [200, { "content-type": "application/vnd.docker.distribution.manifest.v1+prettyjws" }, '{"schemaVersion":1}'],
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    [
      "a manifest under another's digest",
      [200, { ...JSON_TYPE, "docker-content-digest": `sha256:${"0".repeat(64)}` }, "{}"],
      "DIGEST_MISMATCH",
    ],
    ["a redirect to itself", [302, { location: "1" }], "REGISTRY"],
    ["a redirect to a file", [302, { location: "file:///etc/passwd" }], "REGISTRY"],
    ["a redirect to nowhere", [307, { location: "http://" }], "REGISTRY"],
    ["a redirect to plain HTTP elsewhere", [302, { location: "http://registry.invalid/x" }], "REGISTRY"],
    ["that it is forbidden", [403, {}, '{"errors":[{"code":"DENIED","message":"no"}]}'], "UNAUTHORIZED"],
    ["that it is not there", [404, {}, "not json"], "NOT_FOUND"],
    ["that it is too busy, for an hour", [429, { "retry-after": "3600" }], "REGISTRY"],
    ["that it is too busy, every time", [429, {}], "REGISTRY"],
    ["that it is out of order", [503, {}, "<html>"], "REGISTRY"],
    ["a status that nobody knows", [299, {}], "REGISTRY"],
    ["a 401 without a challenge", [401, {}], "UNAUTHORIZED"],
    ["a 401 to every password", [401, { "www-authenticate": 'Basic realm="x"' }], "UNAUTHORIZED"],
    ["a challenge without a realm", [401, { "www-authenticate": 'Bearer service="x"' }], "UNAUTHORIZED"],
    [
      "a challenge of plain HTTP elsewhere",
      [401, { "www-authenticate": 'Bearer realm="http://registry.invalid/t"' }],
      "UNAUTHORIZED",
    ],
  ];
  for (const [title, answer, code] of documents) {
    it(`that answers with ${title}: ${code}`, async () => {
      registry.misbehave(always(MANIFEST, ...answer));
      await refuses(code);
      assert.ok(asked(MANIFEST).length <= 11, `it was asked ${asked(MANIFEST).length} times`);
    });
  }

  it("that sends another manifest than the one asked for by digest is refused", async () => {
    registry.misbehave(always(MANIFEST, 200, JSON_TYPE, "{}"));
    await refuses("DIGEST_MISMATCH", `team/app@${registry.manifest.digest}`);
    assert.equal(asked(MANIFEST).length, 2);
  });

  it("that is busy for a moment is asked again when it said so", async () => {
    const times: number[] = [];
    registry.misbehave((_, response, path) => {
      if (!MANIFEST.test(path)) return false;
      times.push(performance.now());
      if (times.length > 2) return false;
      response.writeHead(times.length === 1 ? 429 : 503, { "retry-after": "1" }).end();
      return true;
    });
    await accepts();
    assert.ok((times[1] as number) - (times[0] as number) >= 990, String(times));
  });

  it("that quotes what it was sent is not quoted in turn", async () => {
    registry.misbehave((request, response, path) => {
      if (!MANIFEST.test(path)) return false;
      const { authorization } = request.headers;
      if (authorization === undefined) response.writeHead(401, { "www-authenticate": "Basic" }).end();
      else {
        const message = `who is ${authorization} with ${USER.password}?`;
        response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ errors: [{ message }] }));
      }
      return true;
    });
    assert.match((await refuses("REGISTRY")).message, /who is Basic \*\*\* with \*\*\*\?/);
  });

  const quotes: [title: string, code: string, quote: (said: string, response: ServerResponse) => void][] = [
    [
      "as a media type",
      "UNSUPPORTED_MEDIA_TYPE",
      (said, response) => response.end(JSON.stringify({ schemaVersion: 2, mediaType: said })),
    ],
    [
      "where it leads to",
      "REGISTRY",
      (said, response) => response.writeHead(302, { location: `http://elsewhere.invalid/${said}` }).end(),
    ],
    [
      "as another digest",
      "DIGEST_MISMATCH",
      (said, response) =>
        response
          .setHeader("x", said)
          .writeHead(200, {
            "docker-content-digest": `sha256:${"0".repeat(64)}`,
          })
          .end(said),
    ],
  ];
  for (const [title, code, quote] of quotes) {
    it(`that quotes it ${title} is not quoted either`, async () => {
      registry.misbehave((request, response, path) => {
        if (!MANIFEST.test(path)) return false;
        const { authorization } = request.headers;
        if (authorization === undefined) response.writeHead(401, { "www-authenticate": "Basic" }).end();
        else quote(authorization.slice("Basic ".length), response);
        return true;
      });
      await refuses(code);
    });
  }

  it("that sends blobs from another host is followed, and the other host learns nothing", async () => {
    registry.misbehave((request, response, path) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
        return true;
      }
      return BLOB.test(path) && redirect(response, `http://${other.host}${path}?signature=of-the-registry`);
    });
    await accepts();
    assert.ok(other.seen.length >= 3);
    assert.ok(asked(BLOB).every(({ headers }) => headers.authorization === `Basic ${SECRETS[1]}`));
  });

  it("whose other host asks for a password does not get it one", async () => {
    registry.misbehave((_, response, path) => BLOB.test(path) && redirect(response, `http://${other.host}${path}`));
    other.misbehave(always(/./, 401, { "www-authenticate": 'Basic realm="give it to me"' }));
    await refuses("UNAUTHORIZED");
  });

  describe("with a token service", () => {
    const challenge = (response: ServerResponse) => {
      const realm = `Bearer realm="http://${registry.host}/token",service="s",scope="repository:team/app:pull"`;
      response.writeHead(401, { "www-authenticate": realm }).end();
      return true;
    };
    const withTokens =
      (accepted: string | null, give: (request: IncomingMessage, response: ServerResponse) => void): Misbehaviour =>
      (request, response, path) => {
        if (path === "/token") {
          give(request, response);
          return true;
        }
        return request.headers.authorization === `Bearer ${accepted}` ? false : challenge(response);
      };

    it("shows it the password, and the registry only the token", async () => {
      registry.misbehave(withTokens("t0ken", (_, response) => void response.end('{"token":"t0ken"}')));
      await accepts();
      const [token, ...more] = asked(/^\/token/);
      assert.equal(more.length, 0);
      assert.equal(token?.headers.authorization, `Basic ${SECRETS[1]}`);
      const { searchParams } = new URL(token?.url as string, "http://x");
      assert.deepEqual(
        [...searchParams],
        [
          ["service", "s"],
          ["scope", "repository:team/app:pull"],
          ["account", "ci"],
        ],
      );
      for (const { url, headers } of registry.seen) {
        if (!url.startsWith("/token")) assert.doesNotMatch(String(headers.authorization), /Basic/);
      }
    });

    it("gets a new token when the old one is not taken any more", async () => {
      let current = 0;
      registry.misbehave((request, response, path) => {
        if (path === "/token") {
          current += 1;
          response.end(JSON.stringify({ access_token: `token-${current}` }));
          return true;
        }
        if (BLOB.test(path) && current === 1) return challenge(response);
        return request.headers.authorization === `Bearer token-${current}` ? false : challenge(response);
      });
      await accepts();
      assert.ok(current >= 2 && current <= 4, String(current));
    });

    const services: [title: string, give: (response: ServerResponse) => void, code: string][] = [
      ["whose tokens nobody takes", (response) => void response.end('{"token":"other"}'), "UNAUTHORIZED"],
      ["that refuses", (response) => void response.writeHead(401).end(), "UNAUTHORIZED"],
      ["that answers with a web page", (response) => void response.end("<html>"), "REGISTRY"],
      ["without a token", (response) => void response.end("{}"), "REGISTRY"],
      ["whose token would be two headers", (response) => void response.end('{"token":"a\\r\\nx: y"}'), "REGISTRY"],
      ["that has gone", (response) => void response.destroy(), "NETWORK"],
      ["that does not answer", () => {}, "NETWORK"],
      ["that leads astray", (response) => void redirect(response, "/token"), "REGISTRY"],
    ];
    for (const [title, give, code] of services) {
      it(`${title}: ${code}`, async () => {
        registry.misbehave(withTokens("t0ken", (_, response) => give(response)));
        await refuses(code);
        assert.ok(asked(/^\/token/).length <= 11);
      });
    }
  });

  const slow: [title: string, how: Misbehaviour][] = [
    ["never answers", (_, __, path) => MANIFEST.test(path)],
    ["never ends its head", (_, response, path) => MANIFEST.test(path) && drip(response, "HTTP/1.1 200 OK\r\nx-a: ")],
    ["sends a manifest byte by byte", (_, response, path) => MANIFEST.test(path) && trickle(response, 5000)],
    ["stops in the middle of a layer", (_, response, path) => path.endsWith(noise) && halt(response)],
    ["sends a layer byte by byte", (_, response, path) => path.endsWith(noise) && trickle(response, 5 * MB)],
  ];
  for (const [title, how] of slow) {
    it(`that ${title} is given up in time`, async () => {
      registry.misbehave(how);
      await refuses("NETWORK");
    });
  }

  it("that never ends what it says beside a redirect or a challenge is not listened to", async () => {
    registry.misbehave((request, response, path) => {
      if (!MANIFEST.test(path)) return false;
      if (request.headers.authorization !== undefined) return false;
      return trickle(response, 5000, 401, { "www-authenticate": "Basic" });
    });
    await accepts();
    registry.misbehave((_, response, path) => {
      return MANIFEST.test(path) && trickle(response, 5000, 302, { location: "/elsewhere" });
    });
    turn += 1;
    await refuses("NOT_FOUND");
  });

  it("that has gone is said to have gone", async () => {
    await registry[Symbol.asyncDispose]();
    assert.match((await refuses("NETWORK")).message, /nothing listens there/);
  });
});

function redirect(response: ServerResponse, location: string): true {
  response.writeHead(307, { location }).end();
  return true;
}

/** A head that goes on for ever. */
function drip(response: ServerResponse, start: string): true {
  const { socket } = response;
  socket?.write(start);
  const timer = setInterval(() => socket?.write("a"), 50);
  socket?.on("close", () => clearInterval(timer));
  return true;
}

function trickle(response: ServerResponse, length: number, status = 200, headers = {}): true {
  response.writeHead(status, { ...JSON_TYPE, ...headers, ...(length > MB ? {} : { "content-length": length }) });
  const timer = setInterval(() => response.write(" "), 50);
  response.on("close", () => clearInterval(timer));
  return true;
}

function halt(response: ServerResponse): true {
  response.writeHead(200).write(Buffer.alloc(100_000));
  return true;
}

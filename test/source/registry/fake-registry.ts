/** A registry that does as it is told, on Node's own HTTP server, and keeps what it was sent. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { type Image, json, MEDIA, sha256 } from "../../support/image-builder.js";

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** True when it has answered, or means to; else the registry answers as registries do. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse, path: string) => boolean | undefined;

export interface FakeRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly seen: readonly Seen[];
  /** Of the image: its layers' blobs, bottom to top. */
  readonly layers: readonly { readonly digest: string; readonly bytes: Buffer }[];
  readonly manifest: { readonly digest: string; readonly bytes: Buffer };
  misbehave(how: Misbehaviour): void;
}

/** Serves one image as `team/app:1`. @param tls with it the registry speaks nothing else */
export async function fakeRegistry(image: Image, tls?: ServerOptions): Promise<FakeRegistry> {
  const layers = image.layers.map((tar) => described(gzipSync(tar, { level: 1 })));
  const config = described(image.configBytes);
  const manifest = described(
    json({
      schemaVersion: 2,
      mediaType: MEDIA.manifest,
      config: { mediaType: MEDIA.config, digest: config.digest, size: config.bytes.length },
      layers: layers.map(({ digest, bytes }) => ({ mediaType: `${MEDIA.layer}+gzip`, digest, size: bytes.length })),
    }),
  );
  const blobs = new Map([config, ...layers].map(({ digest, bytes }) => [digest, bytes]));
  const seen: Seen[] = [];
  let misbehaviour: Misbehaviour = () => false;

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url ?? "", "http://x").pathname;
    const send = (status: number, headers: Record<string, string | number>, body: Uint8Array | string = "") => {
      response.writeHead(status, { "content-length": Buffer.byteLength(body), ...headers });
      response.end(request.method === "HEAD" ? undefined : body);
    };
    const blob = blobs.get(/\/blobs\/(sha256:[0-9a-f]+)$/.exec(path)?.[1] ?? "");
    if (path === "/v2/") send(200, {});
    else if (/^\/v2\/team\/app\/manifests\/(?:1|sha256:.*)$/.test(path)) {
      send(200, { "content-type": MEDIA.manifest, "docker-content-digest": manifest.digest }, manifest.bytes);
    } else if (blob !== undefined) sendBlob(request, response, blob);
    else
      send(
        404,
        { "content-type": "application/json" },
        '{"errors":[{"code":"NAME_UNKNOWN","message":"no such thing"}]}',
      );
  }

  const sockets = new Set<Socket>();
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers });
    const path = new URL(request.url ?? "", "http://x").pathname;
    if (path === "/v2/" && request.headers.authorization === undefined) return answer(request, response);
    if (misbehaviour(request, response, path) !== true) answer(request, response);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    layers,
    manifest,
    misbehave: (how) => {
      misbehaviour = how;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A blob as distribution serves it, ranges included; `upTo`: the connection breaks after that many bytes. */
export function sendBlob(
  request: IncomingMessage,
  response: ServerResponse,
  blob: Uint8Array,
  upTo = Number.POSITIVE_INFINITY,
): void {
  const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const body = blob.subarray(start);
  const range = start === 0 ? {} : { "content-range": `bytes ${start}-${blob.length - 1}/${blob.length}` };
  response.writeHead(start === 0 ? 200 : 206, { "content-length": body.length, ...range });
  if (body.length <= upTo) response.end(body);
  else response.write(body.subarray(0, upTo), () => setTimeout(() => response.destroy(), 20));
}

function described(bytes: Buffer): { digest: string; bytes: Buffer } {
  return { digest: sha256(bytes), bytes };
}

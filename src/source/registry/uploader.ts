/** Blobs and manifests into one repository: OCI distribution-spec 1.1, "Push". */
import { read } from "node:fs";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { detectCompression } from "../../blob/decompress.js";
import { OvlError } from "../../errors.js";
import { type Digest, sha256 } from "../../model/digest.js";
import type { Reference } from "../../model/reference.js";
import { RegistryClient, type RegistryRequest } from "./client.js";
import type { RegistryOptions } from "./options.js";
import { Pauses, Transient } from "./retry.js";
import { shownUrl } from "./secrets.js";
import { discard, type Incoming } from "./transport.js";

export interface UploadBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** The bytes from `start` to `end`, the latter included; asked for again where they have to be sent again. */
  part(start: number, end: number): Readable | Uint8Array;
}

/** A blob in an open file, which is not owned, from its first byte on. */
export function fileBlob(fd: number, digest: Digest, size: number): UploadBlob {
  return { digest, size, part: (start, end) => Readable.from(piecesOf(fd, start, end), { objectMode: false }) };
}

const readAt = promisify(read);
const PIECE_BYTES = 256 * 1024;

/** Not by fs.ReadStream: that closes a descriptor which is not its own when it is destroyed. */
async function* piecesOf(fd: number, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at <= end; ) {
    const length = Math.min(PIECE_BYTES, end + 1 - at);
    const { bytesRead, buffer } = await readAt(fd, Buffer.allocUnsafe(length), 0, length, at);
    if (bytesRead === 0) throw new OvlError("INTERNAL", `a temporary file ends at byte ${at} instead of ${end + 1}`);
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

export function memoryBlob(bytes: Uint8Array, digest: Digest): UploadBlob {
  return { digest, size: bytes.length, part: (start, end) => bytes.subarray(start, end + 1) };
}

/**
 * Bytes a request. What a broken connection has brought is kept by most registries, so this matters only to those that
 * keep whole requests, and to proxies that limit them; below 5 MiB some stores behind registries refuse.
 */
const CHUNK_BYTES = 64 * 1024 * 1024;

interface Session {
  location: URL;
  /** Bytes that the registry has. */
  offset: number;
  readonly chunk: number;
}

export class RegistryUploader implements AsyncDisposable {
  readonly client: RegistryClient;
  readonly path: string;

  constructor({ domain, path }: Reference, options: RegistryOptions) {
    this.client = new RegistryClient(domain, path, options);
    this.path = path;
  }

  /** Size of a blob in this repository; null where it is not there. */
  async sizeOf(digest: Digest): Promise<number | null> {
    const answer = await this.#request({ method: "HEAD", path: `${this.path}/blobs/${digest}`, accept: [200, 404] });
    await discard(answer);
    const length = Number(answer.header("content-length") ?? Number.NaN);
    return answer.status === 200 && Number.isSafeInteger(length) ? length : null;
  }

  /** How a blob in this repository is compressed, by its first bytes. */
  async compressionOf(digest: Digest): Promise<ReturnType<typeof detectCompression>> {
    const path = `${this.path}/blobs/${digest}`;
    const answer = await this.#request({ method: "GET", path, headers: { range: "bytes=0-7" }, accept: [200, 206] });
    const first: Buffer[] = [];
    try {
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        first.push(chunk);
        if (Buffer.concat(first).length >= 8) break;
      }
    } catch (thrown) {
      const failure = this.client.transport.failure(thrown, answer.url);
      throw failure instanceof Transient ? failure.failure : failure;
    } finally {
      answer.body.destroy();
    }
    return detectCompression(Buffer.concat(first));
  }

  /** Whether the registry takes over a blob that it has in another repository. */
  async mount(digest: Digest, from: string): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from });
    const answer = await this.#request({
      method: "POST",
      path: `${this.path}/blobs/uploads/?${query}`,
      headers: { "content-length": "0" },
      scope: [...this.#scope(), `repository:${from}:pull`],
      // 202: an upload instead. What else there may be is no reason to give up: the blob can be sent.
      accept: [201, 202, 400, 401, 403, 404, 405],
    });
    await discard(answer);
    if (answer.status === 202) await this.#cancel(answer);
    return answer.status === 201;
  }

  /** Sends a blob, unless it is there by then; taken up where it broke. */
  async upload(blob: UploadBlob): Promise<void> {
    const pauses = new Pauses(this.client.patience, this.client.signal);
    let session: Session | null = null;
    for (;;) {
      const from: number = session?.offset ?? 0;
      try {
        session ??= await this.#begin();
        await this.#send(session, blob);
        return;
      } catch (thrown) {
        if (!(thrown instanceof Transient)) throw thrown;
        if ((session?.offset ?? 0) > from) pauses.reset();
        await pauses.next(thrown);
        // It may have been the answer that was lost, and not the blob.
        if ((await this.sizeOf(blob.digest)) === blob.size) return;
        session = session === null ? null : await this.#resumed(session);
      }
    }
  }

  /** @param reference tag or digest. Throws DIGEST_MISMATCH where the registry understood something else. */
  async putManifest(reference: string, bytes: Uint8Array, mediaType: string): Promise<Digest> {
    const digest = sha256(bytes);
    const answer = await this.#request({
      method: "PUT",
      path: `${this.path}/manifests/${reference}`,
      headers: { "content-type": mediaType, "content-length": String(bytes.length) },
      body: () => bytes,
      accept: [200, 201, 202],
    });
    await discard(answer);
    const claimed = answer.header("docker-content-digest");
    if (claimed === undefined || claimed === digest) return digest;
    throw new OvlError("DIGEST_MISMATCH", `the registry has stored the manifest as ${claimed} instead of ${digest}`, {
      expected: digest,
      actual: claimed,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }

  #scope(): readonly string[] {
    return [`repository:${this.path}:pull,push`];
  }

  #request(request: Partial<RegistryRequest> & Pick<RegistryRequest, "method" | "path" | "accept">): Promise<Incoming> {
    const subject = `push to ${this.client.domain}/${this.path}`;
    return this.client.request({ scope: this.#scope(), subject, ...request });
  }

  async #begin(): Promise<Session> {
    const answer = await this.#request({
      method: "POST",
      path: `${this.path}/blobs/uploads/`,
      headers: { "content-length": "0" },
      accept: [202],
      retries: false,
    });
    await discard(answer);
    const least = Number(answer.header("oci-chunk-min-length") ?? 0);
    return { location: this.#location(answer), offset: 0, chunk: Math.max(CHUNK_BYTES, least || 0) };
  }

  async #send(session: Session, { part, size, digest }: UploadBlob): Promise<void> {
    while (session.offset < size) {
      const [start, end] = [session.offset, Math.min(session.offset + session.chunk, size) - 1];
      const isWhole = start === 0 && end === size - 1;
      const answer = await this.#request({
        method: "PATCH",
        path: session.location,
        headers: {
          "content-type": "application/octet-stream",
          "content-length": String(end - start + 1),
          // Registries that know no chunks take a blob as a whole.
          ...(isWhole ? {} : { "content-range": `${start}-${end}` }),
        },
        body: () => part(start, end),
        accept: [202, 404, 416],
        retries: false,
      });
      await discard(answer);
      if (answer.status !== 202) throw this.#forgotten(answer);
      session.location = this.#location(answer);
      session.offset = end + 1;
    }
    const location = new URL(session.location);
    location.searchParams.set("digest", digest);
    const headers = { "content-length": "0" };
    const done = await this.#request({
      method: "PUT",
      path: location,
      headers,
      accept: [201, 204, 404],
      retries: false,
    });
    await discard(done);
    if (done.status === 404) throw this.#forgotten(done);
  }

  /** How far an upload has come; null where the registry has forgotten it, and it starts again. */
  async #resumed(session: Session): Promise<Session | null> {
    try {
      const answer = await this.#request({ method: "GET", path: session.location, accept: [204, 202, 200] });
      await discard(answer);
      const end = Number(/^(?:bytes=)?0-(\d+)$/.exec(answer.header("range") ?? "")?.[1] ?? Number.NaN);
      if (Number.isNaN(end)) return null;
      // `0-0` is how registries write that there is nothing yet.
      return { ...session, location: this.#location(answer, session.location), offset: end === 0 ? 0 : end + 1 };
    } catch (thrown) {
      if (thrown instanceof OvlError && (thrown.code === "NOT_FOUND" || thrown.code === "REGISTRY")) return null;
      throw thrown;
    }
  }

  /** Uploads that nobody finishes are cleared away in time; it is only tidier. */
  async #cancel(answer: Incoming): Promise<void> {
    try {
      const path = this.#location(answer);
      const gone = await this.#request({ method: "DELETE", path, accept: [200, 202, 204, 404], retries: false });
      await discard(gone);
    } catch (thrown) {
      if (!(thrown instanceof OvlError || thrown instanceof Transient)) throw thrown;
    }
  }

  #location(answer: Incoming, otherwise?: URL): URL {
    const text = answer.header("location");
    if (text === undefined && otherwise !== undefined) return otherwise;
    if (text !== undefined && URL.canParse(text, answer.url.href)) {
      const url = new URL(text, answer.url);
      if (url.protocol === "https:" || url.protocol === answer.url.protocol) return url;
    }
    throw new OvlError("REGISTRY", `${answer.url.host} does not say where the upload goes on`, {
      url: shownUrl(answer.url),
    });
  }

  #forgotten({ url, status }: Incoming): Transient {
    const message = `${url.host} has lost an upload that was under way (status ${status})`;
    return new Transient(new OvlError("REGISTRY", message, { url: shownUrl(url), status }));
  }
}

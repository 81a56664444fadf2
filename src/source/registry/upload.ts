/**
 * One blob on its way into a repository: OCI distribution-spec 1.1, "Pushing a blob in chunks". What the registry has
 * of it when a connection breaks is asked for, and the rest is sent.
 */
import { OvlError } from "../../errors.js";
import type { UploadBlob } from "./blob-parts.js";
import type { RegistryRequest } from "./client.js";
import { Pauses, Transient } from "./retry.js";
import { shownUrl } from "./secrets.js";
import { discard, type Incoming } from "./transport.js";
import type { RegistryUploader } from "./uploader.js";

interface Session {
  location: URL;
  /** Bytes that the registry has. */
  offset: number;
  readonly chunk: number;
}

/** Bytes of the blob that have been handed to the connection, in all; less than before where some were lost. */
export type OnSent = (bytes: number) => void;

/** Bytes that count as progress: a registry that takes less at a time will never have all of it. */
const PROGRESS_BYTES = 64 * 1024;

/** Milliseconds that an upload which is given up may keep a process. */
const CANCEL_MS = 2000;

export class Upload {
  readonly #uploader: RegistryUploader;
  readonly #blob: UploadBlob;
  readonly #onSent: OnSent;
  #session: Session | null = null;

  constructor(uploader: RegistryUploader, blob: UploadBlob, onSent: OnSent) {
    this.#uploader = uploader;
    this.#blob = blob;
    this.#onSent = onSent;
  }

  /** Until the registry has the blob. What cannot be finished is taken back, as far as the registry can be asked. */
  async run(): Promise<void> {
    try {
      await this.#persist();
    } catch (thrown) {
      if (!(thrown instanceof OvlError && thrown.code === "NETWORK")) await this.#cancel();
      throw thrown;
    }
  }

  async #persist(): Promise<void> {
    const { client } = this.#uploader;
    const pauses = new Pauses(client.patience, client.signal);
    for (;;) {
      const from = this.#session?.offset ?? 0;
      try {
        this.#session ??= await this.#begin();
        await this.#send(this.#session);
        return;
      } catch (thrown) {
        if (!(thrown instanceof Transient)) throw thrown;
        if (offsetOf(this.#session) - from >= PROGRESS_BYTES) pauses.reset();
        await pauses.next(thrown);
        // It may have been the answer that was lost, and not the blob.
        if ((await this.#uploader.sizeOf(this.#blob.digest)) === this.#blob.size) return;
        const before = offsetOf(this.#session);
        this.#session = this.#session === null ? null : await this.#resumed(this.#session);
        if (offsetOf(this.#session) - before >= PROGRESS_BYTES) pauses.reset();
        this.#onSent(offsetOf(this.#session));
      }
    }
  }

  async #begin(): Promise<Session> {
    const answer = await this.#request({
      method: "POST",
      path: `${this.#uploader.path}/blobs/uploads/`,
      headers: { "content-length": "0" },
      accept: [202],
    });
    const least = Number(answer.header("oci-chunk-min-length") ?? 0);
    const chunk = Math.max(this.#uploader.chunkBytes, least || 0);
    return { location: await this.#uploader.location(answer), offset: 0, chunk };
  }

  async #send(session: Session): Promise<void> {
    const { size, digest } = this.#blob;
    while (session.offset < size) await this.#sendChunk(session);
    const path = new URL(session.location);
    path.searchParams.set("digest", digest);
    const headers = { "content-length": "0" };
    const done = await this.#request({ method: "PUT", path, headers, accept: [201, 204, 404] });
    if (done.status === 404) throw forgotten(done);
  }

  async #sendChunk(session: Session): Promise<void> {
    const { size } = this.#blob;
    const start = session.offset;
    const end = Math.min(start + session.chunk, size) - 1;
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
      body: () => this.#blob.part(start, end, (sent) => this.#onSent(start + sent)),
      accept: [202, 404, 416],
    });
    // 416: the registry has another number of bytes than we think. It is asked how many.
    if (answer.status !== 202) throw forgotten(answer);
    session.location = await this.#uploader.location(answer);
    // Registries that count otherwise (from the chunk's own start) are given the benefit of the
    // doubt: the digest decides.
    const taken = bytesAt(answer) ?? 0;
    session.offset = taken > start && taken <= end ? taken : end + 1;
    if (session.offset <= end && taken - start < PROGRESS_BYTES) throw forgotten(answer);
  }

  /** How far an upload has come; null where the registry has forgotten it, and it starts again. */
  async #resumed(session: Session): Promise<Session | null> {
    try {
      const answer = await this.#request({ method: "GET", path: session.location, accept: [204, 202, 200] }, true);
      const offset = bytesAt(answer);
      if (offset === null || offset > this.#blob.size) return null;
      const location = await this.#uploader.location(answer, session.location);
      return { ...session, location, offset };
    } catch (thrown) {
      if (thrown instanceof OvlError && (thrown.code === "NOT_FOUND" || thrown.code === "REGISTRY")) return null;
      throw thrown;
    }
  }

  /** Uploads that nobody finishes are cleared away in time; it is only tidier. */
  async #cancel(): Promise<void> {
    if (this.#session !== null) await this.#uploader.cancel(this.#session.location, AbortSignal.timeout(CANCEL_MS));
  }

  async #request(
    request: Pick<RegistryRequest, "method" | "path" | "accept" | "headers" | "body">,
    retries = false,
  ): Promise<Incoming> {
    const answer = await this.#uploader.request({ ...request, retries });
    await discard(answer);
    return answer;
  }
}

function offsetOf(session: Session | null): number {
  return session?.offset ?? 0;
}

/**
 * Bytes that the registry says it has; null where it does not say. `0-0` is how registries write that it is nothing.
 */
function bytesAt(answer: Incoming): number | null {
  const end = Number(/^(?:bytes=)?0-(\d{1,15})$/.exec(answer.header("range") ?? "")?.[1] ?? Number.NaN);
  if (Number.isNaN(end)) return null;
  return end === 0 ? 0 : end + 1;
}

function forgotten({ url, status }: Incoming): Transient {
  const message = `${url.host} has lost an upload that was under way (status ${status})`;
  return new Transient(new OvlError("REGISTRY", message, { url: shownUrl(url), status }));
}

/**
 * One blob on its way into a repository. It goes as docker's does, by one PATCH without Content-Range and a PUT: chunks
 * (OCI distribution-spec 1.1, "Pushing a blob in chunks") are not known to Google's Artifact Registry, and of 4 MiB at
 * most to GitHub's. What the registry has of it when a connection breaks is asked for, and the rest is sent.
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
}

/** Bytes of the blob that have been handed to the connection, in all; less than before where some were lost. */
export type OnSent = (bytes: number) => void;

/** Bytes that count as progress: a registry that takes less at a time will never have all of it. */
const PROGRESS_BYTES = 64 * 1024;

/** Any success is one, as for docker: ECR answers a PATCH with 201, Pulp with 204. */
const SUCCESS = [200, 201, 202, 204];

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
    let furthest = 0;
    const lookHowFar = () => {
      const offset = offsetOf(this.#session);
      if (offset - furthest < PROGRESS_BYTES) return;
      furthest = offset;
      pauses.reset();
    };
    for (;;) {
      try {
        this.#session ??= await this.#begin();
        await this.#send(this.#session);
        return;
      } catch (thrown) {
        if (!(thrown instanceof Transient)) throw thrown;
        lookHowFar();
        await pauses.next(thrown);
        // It may have been the answer that was lost, and not the blob.
        if ((await this.#uploader.sizeOf(this.#blob.digest)) === this.#blob.size) return;
        this.#session = this.#session === null ? null : await this.#resumed(this.#session, isOutOfRange(thrown));
        lookHowFar();
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
    return { location: await this.#uploader.location(answer), offset: 0 };
  }

  async #send(session: Session): Promise<void> {
    const { size, digest } = this.#blob;
    while (session.offset < size) await this.#sendRest(session);
    const path = new URL(session.location);
    path.searchParams.set("digest", digest);
    const headers = { "content-length": "0" };
    const done = await this.#request({ method: "PUT", path, headers, putsAway: size, accept: [...SUCCESS, 404] });
    if (done.status === 404) throw forgotten(done);
  }

  async #sendRest(session: Session): Promise<void> {
    const { size } = this.#blob;
    const start = session.offset;
    const end = size - 1;
    const answer = await this.#request({
      method: "PATCH",
      path: session.location,
      headers: {
        "content-type": "application/octet-stream",
        "content-length": String(size - start),
        ...(start === 0 ? {} : { "content-range": `${start}-${end}` }),
      },
      body: () => this.#blob.part(start, end, (sent) => this.#onSent(start + sent)),
      putsAway: size - start,
      accept: [...SUCCESS, 404, 416],
    });
    // 416: the registry has another number of bytes than we think. It is asked how many.
    if (!SUCCESS.includes(answer.status)) throw forgotten(answer);
    session.location = await this.#uploader.location(answer, session.location);
    // Registries that count otherwise (from the request's own start) are given the benefit of the doubt: the digest
    // decides.
    const taken = bytesAt(answer) ?? 0;
    session.offset = taken > start && taken <= end ? taken : size;
    if (session.offset < size && taken - start < PROGRESS_BYTES) throw forgotten(answer);
  }

  /**
   * How far an upload has come; null where it starts again.
   * @param isRefused whether the registry did not take what comes from where we are
   */
  async #resumed(session: Session, isRefused: boolean): Promise<Session | null> {
    try {
      const answer = await this.#request({ method: "GET", path: session.location, accept: [204, 202, 200] }, true);
      const offset = bytesAt(answer);
      if (offset === null || offset > this.#blob.size) return null;
      // It takes no parts of this size, or none at all.
      if (isRefused && offset === session.offset) {
        await this.#cancel();
        return null;
      }
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
    request: Pick<RegistryRequest, "method" | "path" | "accept" | "headers" | "body" | "putsAway">,
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

function isOutOfRange({ failure }: Transient): boolean {
  return failure.fields["status"] === 416;
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

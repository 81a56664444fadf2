/** Blobs and manifests into one repository: OCI distribution-spec 1.1, "Push". */
import { detectCompression } from "../../blob/compression.js";
import { OvlError } from "../../errors.js";
import { type Digest, sha256 } from "../../model/digest.js";
import type { Reference } from "../../model/reference.js";
import type { UploadBlob } from "./blob-parts.js";
import { RegistryClient, type RegistryRequest } from "./client.js";
import type { RegistryOptions } from "./options.js";
import { Transient } from "./retry.js";
import { shownUrl } from "./secrets.js";
import { discard, type Incoming } from "./transport.js";
import { type OnSent, Upload } from "./upload.js";

/** `absent`: there is no such blob to take over. `refused`: we may not look there. */
export type MountOutcome = "mounted" | "absent" | "refused";

export class RegistryUploader implements AsyncDisposable {
  readonly client: RegistryClient;
  readonly path: string;

  constructor({ domain, path }: Reference, options: RegistryOptions) {
    this.client = new RegistryClient(domain, path, options);
    this.path = path;
  }

  /** Size of a blob in this repository; null where it is not there. */
  async sizeOf(digest: Digest): Promise<number | null> {
    const answer = await this.request({ method: "HEAD", path: `${this.path}/blobs/${digest}`, accept: [200, 404] });
    await discard(answer);
    const length = Number(answer.header("content-length") ?? Number.NaN);
    return answer.status === 200 && Number.isSafeInteger(length) ? length : null;
  }

  /** How a blob in this repository is compressed, by its first bytes; null where they may not be read. */
  async compressionOf(digest: Digest): Promise<ReturnType<typeof detectCompression> | null> {
    const answer = await this.#beginningOf(digest);
    if (answer === null) return null;
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

  async #beginningOf(digest: Digest): Promise<Incoming | null> {
    const path = `${this.path}/blobs/${digest}`;
    try {
      return await this.request({ method: "GET", path, headers: { range: "bytes=0-7" }, accept: [200, 206] });
    } catch (thrown) {
      if (thrown instanceof OvlError && thrown.code === "UNAUTHORIZED") return null;
      throw thrown;
    }
  }

  /** Has the registry take over a blob that it has in another repository. */
  async mount(digest: Digest, from: string): Promise<MountOutcome> {
    const query = new URLSearchParams({ mount: digest, from });
    try {
      const answer = await this.request({
        method: "POST",
        path: `${this.path}/blobs/uploads/?${query}`,
        headers: { "content-length": "0" },
        scope: [...this.#scope(), `repository:${from}:pull`],
        // 202: an upload instead. What else there may be is no reason to give up: the blob can be sent.
        accept: [201, 202, 400, 404, 405],
      });
      await discard(answer);
      if (answer.status === 202) await this.cancel(await this.location(answer));
      return answer.status === 201 ? "mounted" : "absent";
    } catch (thrown) {
      if (thrown instanceof OvlError && thrown.code === "UNAUTHORIZED") return "refused";
      if (thrown instanceof OvlError && thrown.code === "REGISTRY") return "absent";
      throw thrown;
    }
  }

  /** Sends a blob, unless it is there by then; taken up where it broke. */
  async upload(blob: UploadBlob, onSent: OnSent = () => {}): Promise<void> {
    await new Upload(this, blob, onSent).run();
  }

  /** Says that an upload will not be finished. Never rejects for what the registry makes of that. */
  async cancel(location: URL, signal?: AbortSignal): Promise<void> {
    try {
      // A registry may choose where bytes go, but not what is deleted elsewhere.
      if (!(await this.client.owns(location))) return;
      const accept = [200, 202, 204, 404];
      await discard(await this.request({ method: "DELETE", path: location, accept, retries: false, signal }));
    } catch (thrown) {
      if (!(thrown instanceof OvlError || thrown instanceof Transient)) throw thrown;
    }
  }

  /** @param reference tag or digest. Throws DIGEST_MISMATCH where the registry understood something else. */
  async putManifest(reference: string, bytes: Uint8Array, mediaType: string): Promise<Digest> {
    const digest = sha256(bytes);
    const answer = await this.request({
      method: "PUT",
      path: `${this.path}/manifests/${reference}`,
      headers: { "content-type": mediaType, "content-length": String(bytes.length) },
      body: () => bytes,
      accept: [200, 201, 202, 204],
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

  /** A request about this repository. */
  request(request: Partial<RegistryRequest> & Pick<RegistryRequest, "method" | "path" | "accept">): Promise<Incoming> {
    const subject = `push to ${this.client.domain}/${this.path}`;
    return this.client.request({ scope: this.#scope(), subject, ...request });
  }

  /** Where an upload goes on. It may be elsewhere, but what is in it is not sent in the clear to just anybody. */
  async location(answer: Incoming, otherwise?: URL): Promise<URL> {
    const text = answer.header("location");
    if (text === undefined && otherwise !== undefined) return otherwise;
    if (text !== undefined && URL.canParse(text, answer.url.href)) {
      const url = new URL(text, answer.url);
      if (url.origin === answer.url.origin || (await this.client.transport.mayFollow(answer.url, url))) return url;
      const message = `${answer.url.host} sends the upload on to ${shownUrl(url)}, without TLS; a proxy before it may have to set X-Forwarded-Proto`;
      throw new OvlError("REGISTRY", message, { url: shownUrl(answer.url) });
    }
    throw new OvlError("REGISTRY", `${answer.url.host} does not say where the upload goes on`, {
      url: shownUrl(answer.url),
    });
  }

  #scope(): readonly string[] {
    return [`repository:${this.path}:pull,push`];
  }
}

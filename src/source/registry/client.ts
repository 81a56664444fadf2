/**
 * A registry, spoken to by OCI distribution-spec 1.1 and Docker's Registry HTTP API v2, which are one protocol. Every
 * request is tried again where that may help, and shows credentials when it is asked for them.
 */
import { OvlError } from "../../errors.js";
import { Authorizer, type Scope } from "./authorizer.js";
import { findCredentials } from "./credentials.js";
import { hostOf } from "./host.js";
import { codeOf } from "./network-failure.js";
import type { Credentials, Patience, RegistryOptions } from "./options.js";
import { refusal } from "./refusal.js";
import { Transient, withRetries } from "./retry.js";
import { Secrets } from "./secrets.js";
import { discard, type Incoming, type Outgoing, Transport } from "./transport.js";

export interface RegistryRequest {
  readonly method: Outgoing["method"];
  /** Below `/v2/`, or the absolute address of an upload. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Outgoing["body"];
  readonly putsAway?: Outgoing["putsAway"];
  readonly scope: Scope;
  /** Statuses that are an answer; every other one is a refusal. */
  readonly accept: readonly number[];
  /** What is asked for, for messages. */
  readonly subject: string;
  readonly signal?: AbortSignal | undefined;
  /** Whether a failure is met with another try here; default true. */
  readonly retries?: boolean;
}

/** Tokens expire and may be too narrow: a request is shown to a registry this often with a new one. */
const MAX_CHALLENGES = 2;

export class RegistryClient implements AsyncDisposable {
  /** As references name it: `docker.io`. */
  readonly domain: string;
  readonly transport: Transport;
  readonly patience: Patience;
  /** Ends everything. */
  readonly signal: AbortSignal | undefined;
  readonly #host: string;
  readonly #secrets = new Secrets();
  readonly #authorizer: Authorizer;
  readonly #scheme: "http" | "https" | null;
  #base: Promise<URL> | null = null;

  /**
   * @param path of the repository that credentials are looked up for; empty for the registry as a whole
   * @param scheme where the user said it
   * Throws USAGE for a domain that no address can hold, and for `--insecure-registry` with what is no host.
   */
  constructor(domain: string, path: string, options: RegistryOptions, scheme: "http" | "https" | null = null) {
    this.domain = domain;
    this.patience = options.patience;
    this.signal = options.signal;
    this.#host = hostOf(domain);
    this.#scheme = scheme;
    this.transport = new Transport(this.#host, options, this.#secrets);
    this.#authorizer = new Authorizer({
      domain,
      credentials: async (): Promise<Credentials | null> =>
        options.credentials ?? (await findCredentials(domain, path, options.signal)),
      transport: this.transport,
      secrets: this.#secrets,
      patience: options.patience,
      signal: options.signal,
    });
  }

  /** Whose name requests are made in; null: nobody's. Throws BAD_CONFIG, PERMISSION, UNAUTHORIZED from a helper. */
  credentials(): Promise<Credentials | null> {
    return this.#authorizer.credentials();
  }

  /**
   * Throws NOT_FOUND for a 404, UNAUTHORIZED, REGISTRY, NETWORK, USAGE for plain HTTP where it is not allowed, and
   * Transient only where `retries` is false.
   */
  async request(request: RegistryRequest): Promise<Incoming> {
    return this.clean(async () => {
      const base = await (this.#base ??= this.#findBase());
      const url = typeof request.path === "string" ? new URL(`/v2/${request.path}`, base) : request.path;
      const attempt = () => this.#attempt(request, url, base);
      if (request.retries === false) return attempt();
      return withRetries(this.patience, request.signal ?? this.signal, attempt);
    });
  }

  /** Work on what this registry says. Rejects as it does, without a secret of this registry in the error. */
  async clean<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw this.cleaned(thrown);
    }
  }

  cleaned(thrown: unknown): unknown {
    if (!(thrown instanceof Transient)) return this.#secrets.clean(thrown);
    return new Transient(this.#secrets.clean(thrown.failure) as OvlError, thrown.after);
  }

  /** Whether an address is the registry's own. */
  async owns(url: URL): Promise<boolean> {
    return url.origin === (await (this.#base ??= this.#findBase())).origin;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport[Symbol.asyncDispose]();
  }

  async #attempt(request: RegistryRequest, url: URL, base: URL): Promise<Incoming> {
    const { method, headers = {}, body, putsAway, scope, accept, subject, signal } = request;
    // An upload may be sent elsewhere; who we are is only the registry's business.
    const isOwn = url.origin === base.origin;
    let authorization = isOwn ? this.#authorizer.header(scope) : null;
    for (let challenges = 0; ; challenges++) {
      const answer = await this.transport.send({
        ...{ method, url, headers, authorization, putsAway, signal },
        ...(body === undefined ? {} : { body }),
      });
      if (accept.includes(answer.status)) return answer;
      const isChallenge = answer.status === 401 && answer.url.origin === base.origin && isOwn;
      if (!isChallenge || challenges === MAX_CHALLENGES) {
        const context = { transport: this.transport, secrets: this.#secrets, patience: this.patience };
        throw await refusal(answer, subject, context);
      }
      await discard(answer);
      authorization = await this.#authorizer.answer(answer, scope, authorization);
    }
  }

  /** TLS is tried first everywhere. Where it may be missing, whoever does not speak it is spoken to without. */
  async #findBase(): Promise<URL> {
    const secure = new URL(`https://${this.#host}`);
    const plain = new URL(`http://${this.#host}`);
    const isPlainAllowed = await this.transport.allowsPlain(this.#host);
    if (this.#scheme === "https") return secure;
    if (this.#scheme === "http" && !isPlainAllowed) {
      throw new OvlError("USAGE", `http://${this.#host} has no TLS; --insecure-registry ${this.#host} would allow it`, {
        registry: this.#host,
      });
    }
    if (this.#scheme === "http") return plain;
    if (!isPlainAllowed) return secure;
    return withRetries(this.patience, this.signal, async () => {
      try {
        await this.#ping(secure);
        return secure;
      } catch (thrown) {
        if (!(thrown instanceof Transient)) throw thrown;
        if (!isNoTls(codeOf(thrown.failure.cause))) throw thrown;
      }
      await this.#ping(plain);
      return plain;
    });
  }

  async #ping(base: URL): Promise<void> {
    const url = new URL("/v2/", base);
    const answer = await this.transport.send({ method: "GET", url, headers: {}, authorization: null });
    answer.body.destroy();
  }
}

/** What a server that expects plain HTTP makes of the beginning of TLS. One that sends an alert speaks TLS. */
function isNoTls(code: string): boolean {
  if (code.includes("_ALERT_")) return false;
  return /^(?:EPROTO|ERR_SSL_.*|ECONNRESET|ECONNREFUSED|EPIPE|HPE_.*)$/.test(code);
}

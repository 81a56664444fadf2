/** One HTTP request and the head of its answer: connections, TLS, proxies, time limits, redirects. */
import { createSecureContext, type SecureContext } from "node:tls";
import { Agent, type Dispatcher, ProxyAgent, request } from "undici";
import { OvlError } from "../../errors.js";
import { tlsFiles } from "./certificates.js";
import { isLoopback } from "./host.js";
import { InsecureHosts } from "./insecure-hosts.js";
import { hinted, networkFailure } from "./network-failure.js";
import type { RegistryOptions } from "./options.js";
import { proxyFor } from "./proxy.js";
import { stopped, type Transient } from "./retry.js";
import { type Secrets, shownUrl } from "./secrets.js";

export interface Outgoing {
  readonly method: "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent to the origin of `url` alone, whatever a redirect says. */
  readonly authorization: string | null;
  /** Made anew for each try. */
  readonly body?: () => Dispatcher.DispatchOptions["body"];
  /** Bytes that the server may have to read once more, or to move, before it answers. */
  readonly putsAway?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Incoming {
  readonly status: number;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  readonly body: Dispatcher.ResponseData["body"];
  /** The first value of a header. */
  header(name: string): string | undefined;
  /** All values. */
  headers(name: string): readonly string[];
}

/** As many as Go's client follows. */
const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** A head of this size is no registry's. */
const MAX_HEAD_BYTES = 64 * 1024;

export class Transport implements AsyncDisposable {
  readonly #options: RegistryOptions;
  readonly #secrets: Secrets;
  readonly #insecure: InsecureHosts;
  /** Host that all of this is about. Who is vouched for there is so also where it sends us. */
  readonly #home: string;
  readonly #dispatchers = new Map<string, Promise<Dispatcher>>();

  /** Throws USAGE for hosts that are none. */
  constructor(home: string, options: RegistryOptions, secrets: Secrets) {
    this.#home = home;
    this.#options = options;
    this.#secrets = secrets;
    this.#insecure = new InsecureHosts(options.insecure);
  }

  /** Follows redirects. Throws Transient for failures of the network, NETWORK and REGISTRY for others. */
  async send(outgoing: Outgoing): Promise<Incoming> {
    let { url } = outgoing;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const authorization = url.origin === outgoing.url.origin ? outgoing.authorization : null;
      const answer = await this.#once({ ...outgoing, url, authorization });
      const location = REDIRECTS.has(answer.status) ? answer.header("location") : undefined;
      if (location === undefined) return answer;
      await discard(answer);
      url = await this.#redirected(url, location, outgoing, answer.status);
    }
    throw new OvlError(
      "REGISTRY",
      `${shownUrl(outgoing.url)} leads from one redirect to the next, more than ${MAX_REDIRECTS} times`,
      { url: shownUrl(outgoing.url) },
    );
  }

  /** Whether a host may be spoken to without TLS. */
  async allowsPlain(host: string): Promise<boolean> {
    return isLoopback(host) || (await this.isInsecure(host));
  }

  isInsecure(host: string): Promise<boolean> {
    return this.#insecure.has(host);
  }

  /** Whether one server may send us on to another: never from TLS to none, unless the user has allowed that host. */
  async mayFollow(from: URL, to: URL): Promise<boolean> {
    if (to.protocol === "https:") return true;
    if (to.protocol !== "http:") return false;
    return (from.protocol === "http:" && isLoopback(to.host)) || (await this.isInsecure(to.host));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const made = await Promise.allSettled(this.#dispatchers.values());
    await Promise.all(made.map((each) => each.status === "fulfilled" && each.value.destroy()));
  }

  async #redirected(from: URL, location: string, { method, body }: Outgoing, status: number): Promise<URL> {
    const refused = (why: string) =>
      new OvlError("REGISTRY", `${shownUrl(from)} redirects to ${why}`, { url: shownUrl(from) });
    if (!URL.canParse(location, from.href)) throw refused("no address at all");
    const to = new URL(location, from);
    // Anything but GET and HEAD may only be repeated where the status says so.
    if (method !== "GET" && method !== "HEAD" && status !== 307 && status !== 308) throw refused("something else");
    // A body is meant for one server: it may be what a token is given for.
    if (body !== undefined && to.hostname !== from.hostname)
      throw refused(`${to.host}, which is not sent what was meant for ${from.host}`);
    if (await this.mayFollow(from, to)) return to;
    if (to.protocol !== "http:") throw refused(`${to.protocol}, which is no web address`);
    throw refused(`${shownUrl(to)}, without TLS; --insecure-registry ${to.host} would allow it`);
  }

  async #once({ method, url, headers, authorization, body, putsAway = 0, signal }: Outgoing): Promise<Incoming> {
    const called = signal ?? this.#options.signal;
    const stop = new AbortController();
    const cancel = () => stop.abort();
    if (called?.aborted) throw stopped(called);
    called?.addEventListener("abort", cancel, { once: true });
    const idle = this.#options.patience.idle + Math.ceil((putsAway / BYTES_A_SECOND) * 1000);
    // Until the head is there; of the body, whoever reads it decides.
    const timer = setTimeout(() => stop.abort(), Math.min(idle + timeToSend(headers), MAX_TIMER));
    try {
      const answer = await request(url, {
        dispatcher: await this.#dispatcher(url),
        method,
        headers: { ...headers, "user-agent": "ovl", ...(authorization === null ? {} : { authorization }) },
        body: body?.() ?? null,
        signal: stop.signal,
        headersTimeout: Math.min(idle, MAX_TIMER),
        bodyTimeout: this.#options.patience.idle,
      });
      answer.body.once("close", () => called?.removeEventListener("abort", cancel));
      // Nobody may be listening yet when a connection breaks; whoever reads hears of it again.
      answer.body.on("error", () => {});
      return incoming(url, answer);
    } catch (thrown) {
      called?.removeEventListener("abort", cancel);
      if (called?.aborted) throw stopped(called);
      throw hinted(this.failure(thrown, url), url);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What went wrong on the way to or from an address: Transient where it may pass. */
  failure(thrown: unknown, url: URL): Transient | OvlError {
    return networkFailure(thrown, url, this.#secrets);
  }

  /** One a server: each keeps its connections open for the next request. */
  #dispatcher(url: URL): Promise<Dispatcher> {
    const known = this.#dispatchers.get(url.origin) ?? this.#newDispatcher(url);
    this.#dispatchers.set(url.origin, known);
    return known;
  }

  async #newDispatcher(url: URL): Promise<Dispatcher> {
    const { patience } = this.#options;
    const tls = {
      ...(url.protocol === "https:" ? { secureContext: this.#secureContext(url.host) } : {}),
      rejectUnauthorized: !(await this.isInsecure(url.host)),
      timeout: patience.connect,
    };
    const limits = { maxHeaderSize: MAX_HEAD_BYTES, connectTimeout: patience.connect };
    const proxy = proxyFor(url);
    if (proxy === null) return new Agent({ ...limits, connect: tls });
    const [username, password] = [unescaped(proxy.username), unescaped(proxy.password)];
    const token = basic(username, password);
    this.#secrets.add(password, token.slice("Basic ".length));
    const proxyTls = proxy.protocol === "https:" ? { secureContext: this.#secureContext(proxy.host) } : {};
    const credentials = username === "" ? {} : { token };
    return new ProxyAgent({ ...limits, uri: proxy.origin, requestTls: tls, proxyTls, ...credentials });
  }

  /** Made once a server: a hundred authorities take longer to read than a connection to make. */
  #secureContext(host: string): SecureContext {
    const { ca, client } = tlsFiles(host, this.#home, this.#options);
    return createSecureContext({ ca: [...ca], ...client });
  }
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Milliseconds that a body which nobody wants may take, so that its connection can be used again. */
const DISCARD_MS = 1000;

/** Never rejects: what is not read cannot disappoint. */
export async function discard({ body }: Incoming): Promise<void> {
  const timer = setTimeout(() => body.destroy(), DISCARD_MS);
  try {
    await body.dump();
  } catch {
    body.destroy();
  } finally {
    clearTimeout(timer);
  }
}

/** Milliseconds that a body may take at most. Whether it moves at all is watched by the socket's timeout. */
function timeToSend(headers: Outgoing["headers"]): number {
  return Math.ceil(Number(headers["content-length"] ?? 0) / BYTES_AN_HOUR) * 3_600_000;
}

const BYTES_AN_HOUR = 64 * 1024 * 1024;
/** What a proxy that keeps bodies until they are complete passes on at least, and a registry hashes and moves. */
const BYTES_A_SECOND = 16 * 1024 * 1024;
/** Milliseconds, some twelve days: what a timer holds. */
const MAX_TIMER = 2 ** 30;

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function incoming(url: URL, { statusCode, headers, body }: Dispatcher.ResponseData): Incoming {
  const all = (name: string) => {
    const value = headers[name];
    return value === undefined ? [] : Array.isArray(value) ? value : [value];
  };
  return { status: statusCode, url, body, headers: all, header: (name) => all(name)[0] };
}

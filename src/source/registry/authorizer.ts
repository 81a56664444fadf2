/**
 * What a registry is shown on being asked who is there: nothing, a password, or a token of the service that it
 * names (distribution's token authentication). Credentials are looked up when they are asked for, not before.
 */
import { OvlError } from "../../errors.js";
import { objectOf } from "../../model/go-shape.js";
import { type Challenge, parseChallenges } from "./challenge.js";
import { jsonOf, readDocument } from "./document.js";
import { isLoopback } from "./host.js";
import type { Credentials, Patience } from "./options.js";
import { retryAfter, Transient, withRetries } from "./retry.js";
import { type Secrets, shownUrl } from "./secrets.js";
import { basic, type Incoming, type Transport } from "./transport.js";

export interface AuthorizerOptions {
  /** As the user named the registry. */
  readonly domain: string;
  readonly credentials: () => Promise<Credentials | null>;
  readonly transport: Transport;
  readonly secrets: Secrets;
  readonly patience: Patience;
  readonly signal: AbortSignal | undefined;
}

/** Actions on repositories: `repository:library/x:pull`. */
export type Scope = readonly string[];

const MAX_TOKEN_BYTES = 1024 * 1024;
const CLIENT_ID = "ovl";

export class Authorizer {
  readonly #options: AuthorizerOptions;
  #credentials: Promise<Credentials | null> | null = null;
  #basic: string | null = null;
  readonly #tokens = new Map<string, string>();
  /** Headers that are being asked for, by scope: requests that are refused together ask once. */
  readonly #pending = new Map<string, Promise<string>>();

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** The Authorization header that is known to be wanted; null for none so far. */
  header(scope: Scope): string | null {
    return this.#tokens.get(scope.join(" ")) ?? this.#basic;
  }

  /** A new header after a 401 to `refused`. Throws UNAUTHORIZED where there is nothing better to show. */
  async answer(registry: Incoming, scope: Scope, refused: string | null): Promise<string> {
    const key = scope.join(" ");
    const present = this.header(scope);
    // Another request of the same scope has got a new token meanwhile.
    if (present !== null && present !== refused) return present;
    const pending = this.#pending.get(key) ?? this.#ask(registry, scope);
    this.#pending.set(key, pending);
    try {
      const header = await pending;
      if (header === refused) throw await this.#unauthorized("it refuses these credentials");
      return header;
    } finally {
      this.#pending.delete(key);
    }
  }

  async #ask(registry: Incoming, scope: Scope): Promise<string> {
    const challenges = parseChallenges(registry.headers("www-authenticate"));
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer === undefined) {
      this.#basic = await this.#password(challenges);
      return this.#basic;
    }
    const header = await this.#token(bearer, registry, scope);
    this.#tokens.set(scope.join(" "), header);
    return header;
  }

  async #password(challenges: readonly Challenge[]): Promise<string> {
    if (!challenges.some(({ scheme }) => scheme === "basic")) {
      throw await this.#unauthorized("it refuses, and asks for nothing that ovl could show it");
    }
    const credentials = await this.credentials();
    if (credentials === null || credentials.username === "") throw await this.#unauthorized("it asks for a password");
    return this.#basicOf(credentials);
  }

  async #token({ parameters }: Challenge, registry: Incoming, scope: Scope): Promise<string> {
    const realm = await this.#realm(parameters.get("realm") ?? "", registry.url);
    const credentials = await this.credentials();
    const { patience, signal, secrets } = this.#options;
    const service = parameters.get("service") ?? "";
    const scopes = scope.length > 0 ? scope : (parameters.get("scope") ?? "").split(" ").filter((one) => one !== "");
    const token = await withRetries(patience, signal, () =>
      credentials?.identityToken
        ? this.#exchange(realm, service, scopes, credentials.identityToken)
        : this.#fetch(realm, service, scopes, credentials),
    );
    secrets.add(token);
    return `Bearer ${token}`;
  }

  /** It will be shown a password. */
  async #realm(text: string, registry: URL): Promise<URL> {
    const refused = (why: string) =>
      new OvlError("UNAUTHORIZED", `${this.#options.domain} sends for a token to ${why}`, { url: shownUrl(registry) });
    if (text === "" || !URL.canParse(text, registry.href)) throw refused("no address at all");
    const realm = new URL(text, registry);
    if (realm.protocol === "https:" || realm.origin === registry.origin) return realm;
    const plain = realm.protocol === "http:" && isLoopback(realm.host) && isLoopback(registry.host);
    if (plain || (realm.protocol === "http:" && (await this.#options.transport.isInsecure(realm.host)))) return realm;
    throw refused(`${shownUrl(realm)}, which is not https: nothing is sent there`);
  }

  async #fetch(realm: URL, service: string, scopes: Scope, credentials: Credentials | null): Promise<string> {
    const url = new URL(realm);
    if (service !== "") url.searchParams.set("service", service);
    for (const scope of scopes) url.searchParams.append("scope", scope);
    if (credentials !== null) url.searchParams.set("account", credentials.username);
    const authorization = credentials === null ? null : this.#basicOf(credentials);
    return this.#tokenIn(await this.#options.transport.send({ method: "GET", url, headers: {}, authorization }));
  }

  /** OAuth2: an access token for an identity token. */
  async #exchange(realm: URL, service: string, scopes: Scope, identityToken: string): Promise<string> {
    const form = new URLSearchParams({ grant_type: "refresh_token", service, client_id: CLIENT_ID });
    form.set("scope", scopes.join(" "));
    form.set("refresh_token", identityToken);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const body = () => form.toString();
    return this.#tokenIn(
      await this.#options.transport.send({ method: "POST", url: realm, headers, authorization: null, body }),
    );
  }

  async #tokenIn(answer: Incoming): Promise<string> {
    const { transport, patience } = this.#options;
    const where = shownUrl(answer.url);
    if (answer.status !== 200) {
      answer.body.destroy();
      if (answer.status === 401 || answer.status === 403) throw await this.#unauthorized(`${where} refuses`);
      const error = new OvlError("REGISTRY", `${where} answers with status ${answer.status} instead of a token`, {
        url: where,
        status: answer.status,
      });
      const passes = answer.status === 429 || answer.status >= 500;
      throw passes ? new Transient(error, retryAfter(answer.header("retry-after"))) : error;
    }
    const limits = { maxBytes: MAX_TOKEN_BYTES, within: patience.document };
    const json = jsonOf(await readDocument(answer, limits, transport), `the answer of ${where}`);
    const { token, access_token: accessToken } = objectOf(json);
    const found = token || accessToken;
    // A header cannot hold anything else.
    if (typeof found === "string" && /^[\x21-\x7e]+$/.test(found)) return found;
    throw new OvlError("REGISTRY", `${where} answers without a token`, { url: where });
  }

  /** Looked up once. */
  credentials(): Promise<Credentials | null> {
    this.#credentials ??= this.#options.credentials().then((credentials) => {
      const { secrets } = this.#options;
      if (credentials !== null) secrets.add(credentials.password, credentials.identityToken ?? "");
      return credentials;
    });
    return this.#credentials;
  }

  #basicOf({ username, password }: Credentials): string {
    const header = basic(username, password);
    this.#options.secrets.add(header.slice("Basic ".length));
    return header;
  }

  async #unauthorized(why: string): Promise<OvlError> {
    const { domain } = this.#options;
    const credentials = await this.credentials();
    const again = credentials === null ? "log in" : "log in again";
    const advice =
      credentials?.place === undefined
        ? `${again} with ovl login ${domain}`
        : `they are those of ${credentials.place}, which come before those of ovl login: ${again} with podman login --authfile ${credentials.place} ${domain}`;
    return new OvlError("UNAUTHORIZED", `${domain} does not let us in: ${why}; ${advice}`, {
      registry: domain,
    });
  }
}

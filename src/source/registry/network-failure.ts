/** What went wrong between us and a server, in words that say what to do. */
import { OvlError } from "../../errors.js";
import { Transient } from "./retry.js";
import { type Secrets, shownUrl } from "./secrets.js";

/** Transient where it may pass. */
export function networkFailure(thrown: unknown, url: URL, secrets: Secrets): Transient | OvlError {
  if (thrown instanceof OvlError || thrown instanceof Transient) return thrown;
  const code = codeOf(thrown);
  const fields = { url: shownUrl(url), errno: code };
  const where = `cannot speak to ${url.host}`;
  const failed = (why: string) => new OvlError("NETWORK", secrets.hide(`${where}: ${why}`), fields, { cause: thrown });
  const advice = certificateAdvice(code, url.host) ?? proxyAdvice(thrown);
  if (advice !== null) return failed(advice);
  const error = failed(REASONS[code] ?? code);
  return code === "ENOTFOUND" || code === "ERR_INVALID_ARG_VALUE" ? error : new Transient(error);
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there (ECONNREFUSED)",
  ECONNRESET: "the connection was cut (ECONNRESET)",
  UND_ERR_SOCKET: "the connection was cut",
  ENOTFOUND: "there is no such host (ENOTFOUND)",
  EAI_AGAIN: "its name cannot be looked up at the moment (EAI_AGAIN)",
  UND_ERR_CONNECT_TIMEOUT: "no connection came about in time",
  UND_ERR_HEADERS_TIMEOUT: "it did not answer in time",
  UND_ERR_BODY_TIMEOUT: "it stopped in the middle of an answer",
  UND_ERR_ABORTED: "it did not answer in time",
  ABORT_ERR: "it did not answer in time",
};

/** The innermost code says most: a failed connection is wrapped. */
export function codeOf(thrown: unknown): string {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code === "string" && !(code === "UND_ERR_SOCKET" && error.cause instanceof Error)) return code;
    if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
    if (error.name === "AbortError") return "ABORT_ERR";
  }
  return thrown instanceof Error ? thrown.name : "UNKNOWN";
}

/** By TLS 1.3 a server that misses a certificate says so when the client has begun to speak, or only hangs up. */
export function hinted(failure: Transient | OvlError, url: URL): Transient | OvlError {
  if (!(failure instanceof Transient) || url.protocol !== "https:") return failure;
  const { code, message, fields, cause } = failure.failure;
  if (fields["errno"] !== "UND_ERR_SOCKET") return failure;
  const hint = `does it want to see a certificate (/etc/docker/certs.d/${url.host}/client.cert)?`;
  return new Transient(new OvlError(code, `${message} before it answered; ${hint}`, fields, { cause }), failure.after);
}

/** What to do about a failure of TLS that is about certificates; null for every other one. */
function certificateAdvice(code: string, host: string): string | null {
  const directory = `/etc/docker/certs.d/${host}`;
  // An alert comes from the other side: it is not content with who we are.
  if (/ALERT_(?:.*CERT|UNKNOWN_CA|HANDSHAKE_FAILURE)/.test(code)) {
    return `it wants to see a certificate that it knows (${code}): ${directory}/client.cert, and its key in client.key`;
  }
  if (!/CERT|UNABLE_TO_VERIFY|SELF_SIGNED|ALTNAME/.test(code)) return null;
  return `its certificate is not trusted (${code}); trust its authority with --cacert FILE or ${directory}/ca.crt`;
}

/** What a proxy says that makes no connection; null where it was none, or where it may change its mind. */
function proxyAdvice(thrown: unknown): string | null {
  const status = /^Proxy response \((\d{3})\)/.exec(thrown instanceof Error ? thrown.message : "")?.[1];
  if (status === undefined || status.startsWith("5")) return null;
  const why = status === "407" ? "it wants a user and a password (http://USER:PASSWORD@PROXY)" : "it does not allow it";
  return `the proxy answers with status ${status}: ${why}`;
}

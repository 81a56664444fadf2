/** What a registry's refusal means: its status, and the errors that distribution-spec 1.1 has it list in JSON. */
import { type ErrorCode, OvlError } from "../../errors.js";
import { isJsonObject } from "../../model/go-shape.js";
import { readDocument } from "./document.js";
import type { Patience } from "./options.js";
import { retryAfter, Transient } from "./retry.js";
import { type Secrets, shownUrl } from "./secrets.js";
import type { Incoming, Transport } from "./transport.js";

const MAX_BYTES = 64 * 1024;
/** Characters of the server's own words that a message quotes. */
const MAX_QUOTE = 200;

/** Of an answer that was not wanted; reads its body. Transient where asking again may help. */
export async function refusal(
  answer: Incoming,
  subject: string,
  { transport, secrets, patience }: { transport: Transport; secrets: Secrets; patience: Patience },
): Promise<OvlError | Transient> {
  const { status } = answer;
  const limits = { maxBytes: MAX_BYTES, within: patience.idle };
  const body = await readDocument(answer, limits, transport).catch(() => Buffer.alloc(0));
  const said = firstError(body);
  const quote = said === null ? "" : `: ${secrets.hide(said).slice(0, MAX_QUOTE)}`;
  const fields = { url: shownUrl(answer.url), status };
  const error = new OvlError(codeOf(status), `${subject}: ${words(status, answer.url.host)}${quote}`, fields);
  // 408 and 425 ask for another try in as many words.
  const passes = status === 429 || status === 408 || status === 425 || (status >= 500 && status !== 501);
  return passes ? new Transient(error, retryAfter(answer.header("retry-after"))) : error;
}

function codeOf(status: number): ErrorCode {
  if (status === 401 || status === 403) return "UNAUTHORIZED";
  return status === 404 ? "NOT_FOUND" : "REGISTRY";
}

function words(status: number, host: string): string {
  switch (status) {
    case 401:
    case 403:
      return `${host} does not allow it`;
    case 404:
      return `${host} does not have it`;
    case 429:
      return `${host} is asked too often at the moment`;
    default:
      return `${host} answers with status ${status}`;
  }
}

/** `{"errors":[{"code":"NAME_UNKNOWN","message":"…"}]}` */
function firstError(body: Uint8Array): string | null {
  try {
    const json: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
    const errors = isJsonObject(json) && Array.isArray(json["errors"]) ? json["errors"] : [];
    const [first] = errors as unknown[];
    if (!isJsonObject(first)) return null;
    const text = [first["message"], first["code"]].find((value) => typeof value === "string" && value !== "");
    return typeof text === "string" ? text : null;
  } catch {
    return null;
  }
}

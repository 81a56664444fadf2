/** Passwords and tokens of this process, so that no message can show one: registries quote what they were sent. */
import { type ErrorFields, OvlError } from "../../errors.js";
import { type JsonLimits, parseJson } from "../../model/json.js";

/** Shorter ones would blot out half of every message. */
const MIN_LENGTH = 4;

export class Secrets {
  readonly #known = new Set<string>();

  add(...secrets: readonly string[]): void {
    for (const secret of secrets) if (secret.length >= MIN_LENGTH) this.#known.add(secret);
  }

  /** The text with `***` for every secret in it. */
  hide(text: string): string {
    // The longest first: one secret may be a part of another.
    const longestFirst = [...this.#known].sort((a, b) => b.length - a.length);
    return longestFirst.reduce((hidden, secret) => hidden.replaceAll(secret, "***"), text);
  }

  /** What was thrown, without a secret in it: whatever a registry was shown can come back in whatever it sends. */
  clean(thrown: unknown): unknown {
    if (!(thrown instanceof OvlError)) return thrown;
    const { code, message, fields } = thrown;
    const hidden = { message: this.hide(message), fields: JSON.stringify(fields, (_, value) => this.#hidden(value)) };
    if (hidden.message === message && hidden.fields === JSON.stringify(fields)) return thrown;
    return new OvlError(code, hidden.message, JSON.parse(hidden.fields) as ErrorFields);
  }

  #hidden(value: unknown): unknown {
    return typeof value === "string" ? this.hide(value) : value;
  }
}

/** An address as messages show it. User names, passwords and signatures stand in what is left out. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/**
 * JSON that may hold a secret. Throws as `parseJson` does, but without the engine's words: they quote what is there.
 */
export function secretJson(bytes: Uint8Array, limits: JsonLimits): unknown {
  try {
    return parseJson(bytes, limits);
  } catch (thrown) {
    if (thrown instanceof OvlError) throw OvlError.fromData(thrown.toData());
    throw thrown;
  }
}

/**
 * Docker's names of images, `[domain/]path[:tag][@digest]`: the grammar of distribution/reference 2.8 (the one in
 * dockerd 20.10), and the familiar form, which is what a docker root stores.
 */
import { type ErrorCode, OvlError } from "../errors.js";
import { type Digest, isDigest } from "./digest.js";

export interface Reference {
  /** Registry host with its port; `docker.io` where the text names none. */
  readonly domain: string;
  /** Repository within the registry; `library/x` for the familiar `x`. */
  readonly path: string;
  readonly tag: string | null;
  readonly digest: Digest | null;
}

const DEFAULT_DOMAIN = "docker.io";
const OFFICIAL = "library/";
/** Longest repository name with its domain, in characters. */
const MAX_NAME = 255;

const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const DOMAIN_COMPONENT = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = `${DOMAIN_COMPONENT}(?:\\.${DOMAIN_COMPONENT})*(?::[0-9]+)?`;
const TAG = "[\\w][\\w.-]{0,127}";
const DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
const NAME = new RegExp(`^(${DOMAIN})/(${COMPONENT}(?:/${COMPONENT})*)$`);
const REFERENCE = new RegExp(`^([^:@]+(?::[0-9]+)?/[^:@]+)(?::(${TAG}))?(?:@(${DIGEST}))?$`);

/** `user:password@host/x`, also behind a scheme; not `name:tag@sha256:…`. */
const USER_INFO = /^(?:[a-z0-9+.-]+:\/\/)?[^/@]*:[^/@]*@(?!sha\d*:|[A-Za-z][\w.+-]*:[0-9A-Fa-f]{32})/;

/**
 * A name as people write it. Tag and digest stay null where the text has none.
 * @param code of the error, USAGE unless the text came from an archive or a registry
 */
export function parseReference(text: string, code: ErrorCode = "USAGE"): Reference {
  const invalid = (why: string): OvlError =>
    new OvlError(code, `invalid reference ${JSON.stringify(text)}: ${why}`, { reference: text });
  if (USER_INFO.test(text)) {
    // Not repeated here: whoever writes that down has put a password there.
    throw new OvlError(code, "a name has no room for a user and a password; ovl login HOST keeps them");
  }
  if (text.length > 4 * MAX_NAME) throw invalid("it is too long");
  if (/^[a-f0-9]{64}$/.test(text)) throw invalid("64 hex digits alone are an image id, not a name");
  const [domain, remainder] = splitDomain(text);
  const separator = remainder.search(/[:@]/);
  const path = separator < 0 ? remainder : remainder.slice(0, separator);
  if (path === "" || path === OFFICIAL) throw invalid("it has no repository name");
  if (path !== path.toLowerCase()) throw invalid("a repository name must be lower case");
  const match = REFERENCE.exec(`${domain}/${remainder}`);
  const name = match === null ? null : NAME.exec(match[1] as string);
  if (match === null || name === null) throw invalid("expected [registry/]name[:tag][@digest]");
  if (name[0].length > MAX_NAME) throw invalid(`a repository name has at most ${MAX_NAME} characters`);
  const digest = match[3] ?? null;
  if (digest !== null && !isDigest(digest)) throw invalid("its digest is neither sha256 nor sha512 in lower-case hex");
  return { domain: name[1] as string, path: name[2] as string, tag: match[2] ?? null, digest };
}

/** The same; null for what is no name. */
export function referenceOf(text: string): Reference | null {
  try {
    return parseReference(text);
  } catch {
    return null;
  }
}

/** The first component is a registry when it could be no repository: it has a dot or a port, or is `localhost`. */
function splitDomain(text: string): [domain: string, remainder: string] {
  const slash = text.indexOf("/");
  const first = text.slice(0, Math.max(0, slash));
  const isDomain = slash >= 0 && (/[.:]/.test(first) || first === "localhost");
  const domain = !isDomain || first === "index.docker.io" ? DEFAULT_DOMAIN : first;
  const remainder = isDomain ? text.slice(slash + 1) : text;
  return [domain, domain === DEFAULT_DOMAIN && !remainder.includes("/") ? OFFICIAL + remainder : remainder];
}

/** Repository name as docker shows and stores it: `docker.io/library/x` is `x`, `docker.io/u/x` is `u/x`. */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  const official = path.startsWith(OFFICIAL) ? path.slice(OFFICIAL.length) : "";
  return official === "" || official.includes("/") ? path : official;
}

/** Repository name in full: `docker.io/library/x`. */
export function fullName({ domain, path }: Reference): string {
  return `${domain}/${path}`;
}

/** The whole reference in familiar form: `x:1`, `quay.io/a/b@sha256:…`. */
export function familiarString(ref: Reference): string {
  return familiarName(ref) + suffix(ref);
}

/** The whole reference in full: `docker.io/library/x:1`. */
export function fullString(ref: Reference): string {
  return fullName(ref) + suffix(ref);
}

function suffix({ tag, digest }: Reference): string {
  return `${tag === null ? "" : `:${tag}`}${digest === null ? "" : `@${digest}`}`;
}

/** The reference with `:latest` where it has neither tag nor digest. */
export function withDefaultTag(ref: Reference): Reference {
  return ref.tag === null && ref.digest === null ? { ...ref, tag: "latest" } : ref;
}

/**
 * Why docker would not give an image this name, or null: what it stores names a tag, and a repository called
 * `sha256` could not be told from a digest.
 */
export function whyNotATag(ref: Reference): string | null {
  if (ref.digest !== null) return "a name with a digest cannot be given to an image";
  if (familiarName(ref) === "sha256") return "the repository name sha256 would be ambiguous with a digest";
  return null;
}

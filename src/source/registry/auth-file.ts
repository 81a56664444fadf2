/**
 * Files with credentials: docker's `config.json`, and `auth.json` of podman and skopeo (containers-auth.json(5)),
 * which has the same form. Writers keep every key that they do not know.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { asOvlError, OvlError } from "../../errors.js";
import { isJsonObject, type JsonObject } from "../../model/go-shape.js";
import { makeDirectories } from "../../sys/make-directories.js";
import { DOCKER_HUB_KEY, isDockerHub } from "./host.js";
import type { Credentials } from "./options.js";
import { secretJson } from "./secrets.js";

const MAX_BYTES = 4 * 1024 * 1024;

export interface AuthFile {
  readonly path: string;
  readonly content: JsonObject;
}

/** Where docker's client keeps its settings. */
export function dockerConfigPath(env: NodeJS.ProcessEnv = process.env): string {
  return join(env["DOCKER_CONFIG"] || join(homedir(), ".docker"), "config.json");
}

/** Where podman and skopeo keep credentials: until the machine is restarted, and for longer. */
export function podmanAuthPaths(env: NodeJS.ProcessEnv = process.env): string[] {
  const session = env["XDG_RUNTIME_DIR"];
  return [
    session ? join(session, "containers") : `/run/containers/${process.getuid?.() ?? 0}`,
    join(env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "containers"),
  ].map((directory) => join(directory, "auth.json"));
}

/**
 * Empty content where there is no such file, or nothing in it. Throws BAD_CONFIG for one that is
 * no JSON object, PERMISSION.
 */
export function readAuthFile(path: string): AuthFile {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return { path, content: {} };
    throw asOvlError(thrown);
  }
  // As docker takes it: `touch config.json` is how it is made to be mounted into a container.
  if (/^[ \t\r\n]*$/.test(bytes.toString("latin1"))) return { path, content: {} };
  const content = secretJson(bytes, { subject: path, code: "BAD_CONFIG", maxBytes: MAX_BYTES });
  if (!isJsonObject(content)) throw new OvlError("BAD_CONFIG", `${path} is no JSON object`, { path });
  return { path, content };
}

/** Replaces the file by one that only its owner can read: what a link leads to, and its owner stays who it was. */
export function writeAuthFile({ path, content }: AuthFile): void {
  try {
    makeDirectories(dirname(path), 0o700);
    const target = realPath(path);
    const temporary = `${target}.ovl-${randomBytes(6).toString("hex")}`;
    try {
      writeFileSync(temporary, `${JSON.stringify(content, null, "\t")}`, { mode: 0o600, flag: "wx" });
      chmodSync(temporary, 0o600);
      keepOwner(target, temporary);
      renameSync(temporary, target);
    } catch (thrown) {
      rmSync(temporary, { force: true });
      throw thrown;
    }
  } catch (thrown) {
    throw asOvlError(thrown);
  }
}

/** Where a file is, or would be: people keep their settings elsewhere and link them. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
  }
  const link = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink();
  return link ? resolve(dirname(path), readlinkSync(path)) : path;
}

/** `sudo ovl login` must not take a user's file away from them. */
function keepOwner(path: string, replacement: string): void {
  const before = statSync(path, { throwIfNoEntry: false });
  const now = statSync(replacement);
  if (before === undefined || (before.uid === now.uid && before.gid === now.gid)) return;
  chownSync(replacement, before.uid, before.gid);
}

/** Names that credentials for a repository may be filed under, the most specific first. */
export function authKeys(domain: string, path: string): string[] {
  const parts = path === "" ? [] : path.split("/");
  const prefixes = parts.map((_, i) => parts.slice(0, parts.length - i).join("/"));
  const hosts = isDockerHub(domain) ? [DOCKER_HUB_KEY, "docker.io", "index.docker.io"] : [domain];
  return hosts.flatMap((host) => [...(host === DOCKER_HUB_KEY ? [] : prefixes.map((p) => `${host}/${p}`)), host]);
}

/** The entry of a file for any of these names; null where it has none. */
export function credentialsIn({ content }: AuthFile, keys: readonly string[]): Credentials | null {
  const auths = content["auths"];
  if (!isJsonObject(auths)) return null;
  const plain = new Map(Object.entries(auths).map(([key, value]) => [comparable(key), value]));
  for (const key of keys) {
    const entry = auths[key] ?? plain.get(comparable(key));
    const credentials = isJsonObject(entry) ? fromEntry(entry) : null;
    if (credentials !== null) return credentials;
  }
  return null;
}

/** Whether two keys name one registry. */
export function sameRegistry(a: string, b: string): boolean {
  return comparable(a) === comparable(b);
}

/** Old clients filed under URLs: `https://registry.example.com/v1/`. */
function comparable(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
}

function fromEntry(entry: JsonObject): Credentials | null {
  const text = (name: string) => (typeof entry[name] === "string" ? (entry[name] as string) : "");
  const decoded = Buffer.from(text("auth"), "base64").toString("utf8").replace(/\0+$/, "");
  const colon = decoded.indexOf(":");
  const username = colon < 0 ? text("username") : decoded.slice(0, colon);
  const password = colon < 0 ? text("password") : decoded.slice(colon + 1);
  const identityToken = text("identitytoken") || null;
  return username === "" && identityToken === null ? null : { username, password, identityToken };
}

/**
 * Files with credentials: docker's `config.json`, and `auth.json` of podman and skopeo (containers-auth.json(5)),
 * which has the same form. Writers keep every key that they do not know.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { asOvlError, OvlError } from "../../errors.js";
import { isJsonObject, type JsonObject } from "../../model/go-shape.js";
import { parseJson } from "../../model/json.js";
import { DOCKER_HUB_KEY, isDockerHub } from "./host.js";
import type { Credentials } from "./options.js";

const MAX_BYTES = 4 * 1024 * 1024;

export interface AuthFile {
  readonly path: string;
  readonly content: JsonObject;
}

/** Where docker's client keeps its settings. */
export function dockerConfigPath(env: NodeJS.ProcessEnv = process.env): string {
  return join(env["DOCKER_CONFIG"] || join(homedir(), ".docker"), "config.json");
}

/** Empty content where there is no such file. Throws BAD_CONFIG for one that is no JSON object, PERMISSION. */
export function readAuthFile(path: string): AuthFile {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return { path, content: {} };
    throw asOvlError(thrown);
  }
  const content = parseJson(bytes, { subject: path, code: "BAD_CONFIG", maxBytes: MAX_BYTES });
  if (!isJsonObject(content)) throw new OvlError("BAD_CONFIG", `${path} is no JSON object`, { path });
  return { path, content };
}

/** Replaces the file by one that only its owner can read. */
export function writeAuthFile({ path, content }: AuthFile): void {
  const temporary = `${path}.ovl-${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, `${JSON.stringify(content, null, "\t")}`, { mode: 0o600, flag: "wx" });
    chmodSync(temporary, 0o600);
    renameSync(temporary, path);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw asOvlError(thrown);
  }
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

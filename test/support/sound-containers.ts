/** What `expectSound` asks of the containers of a root (and of what of them dockerd would not even list). */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

const HEX = /^[0-9a-f]{64}$/;

export function containerProblems(root: string, driver: "overlay2" | "overlay"): string[] {
  const found: string[] = [];
  const say = (path: string, what: string) => found.push(`${path} ${what}`);
  const mounts = join(root, "image", driver, "layerdb", "mounts");
  const names = new Map<string, string>();
  if (existsSync(mounts)) expectMode(mounts, 0o755, say);
  for (const id of list(mounts)) {
    const dir = join(mounts, id);
    if (!HEX.test(id)) say(dir, "is no container");
    expectMode(dir, 0o755, say);
    expectEntries(dir, ["init-id", "mount-id", "parent"], say);
    checkConfig(root, driver, id, names, say);
    const mountId = text(join(dir, "mount-id"));
    const initId = text(join(dir, "init-id"));
    if (initId !== `${mountId}-init`) say(join(dir, "init-id"), `is ${initId}, beside mount-id ${mountId}`);
    if (driver === "overlay") {
      for (const name of ["lower-id", "upper", "work"]) {
        if (!existsSync(join(root, "overlay", mountId, name))) say(join(root, "overlay", mountId), `has no ${name}`);
      }
      continue;
    }
    const home = join(root, "overlay2");
    const below = existsSync(join(dir, "parent")) ? stackBelow(root, text(join(dir, "parent")).slice(7)) : null;
    checkLayer(home, initId, below, true, say);
    checkLayer(home, mountId, lowerOnTopOf(home, initId), false, say);
    const marker = lstatSync(join(home, initId, "diff", ".dockerenv"), { throwIfNoEntry: false });
    if (!marker?.isFile()) say(join(home, initId, "diff"), "has no .dockerenv");
  }
  for (const id of list(join(root, "containers"))) {
    if (!existsSync(join(mounts, id))) say(join(root, "containers", id), "has no read-write layer");
  }
  return found;
}

type Say = (path: string, what: string) => void;

function checkConfig(root: string, driver: string, id: string, names: Map<string, string>, say: Say): void {
  const dir = join(root, "containers", id);
  const config = join(dir, "config.v2.json");
  if (!existsSync(config)) {
    say(config, "is missing");
    return;
  }
  expectMode(dir, 0o710, say);
  expectMode(config, 0o600, say);
  expectMode(join(dir, "hostconfig.json"), 0o644, say);
  if (existsSync(join(dir, "checkpoints"))) expectMode(join(dir, "checkpoints"), 0o700, say);
  for (const name of list(dir)) if (name.startsWith(".tmp-")) say(join(dir, name), "was left");
  for (const path of [config, join(dir, "hostconfig.json")]) {
    if (!/^\{.*\}\n$/.test(readFileSync(path, "utf8"))) say(path, "is not one object and a newline");
  }
  const json = JSON.parse(readFileSync(config, "utf8")) as Record<string, Record<string, unknown> | string | null>;
  if (json["ID"] !== id) say(config, `has the ID ${String(json["ID"])}`);
  if (json["Driver"] !== driver) say(config, `has the driver ${String(json["Driver"])}`);
  // Without one of these dockerd crashes or hangs.
  for (const key of ["State", "Config", "NetworkSettings"]) {
    if (typeof json[key] !== "object" || json[key] === null) say(config, `has no ${key}`);
  }
  const { Image } = (json["Config"] ?? {}) as Record<string, unknown>;
  if (typeof Image !== "string" || Image === "") say(config, "does not say how the image was called");
  const name = String(json["Name"]);
  if (!/^\/[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) say(config, `has the name ${name}`);
  if (names.has(name)) say(config, `has the name ${name}, as has ${names.get(name)}`);
  names.set(name, id);
}

/** @param lower what its file must hold; null for none; @param init whether it is an init layer */
function checkLayer(home: string, cacheId: string, lower: string | null, init: boolean, say: Say): void {
  const dir = join(home, cacheId);
  expectMode(dir, 0o710, say);
  expectEntries(dir, ["diff", "link", "lower", "work", ...(init ? ["committed"] : [])], say);
  if (!existsSync(join(dir, "diff"))) {
    say(dir, "has no diff");
    return;
  }
  const link = text(join(dir, "link"));
  if (!/^[A-Z2-7]{26}$/.test(link)) say(join(dir, "link"), `holds ${JSON.stringify(link)}`);
  const target = linkTarget(join(home, "l", link));
  if (target !== `../${cacheId}/diff`) say(join(dir, "link"), `names l/${link}, which leads to ${target}`);
  if (init) expectMode(join(dir, "committed"), 0o600, say);
  if (lower !== null) expectMode(join(dir, "work"), 0o700, say);
  const found = existsSync(join(dir, "lower")) ? readFileSync(join(dir, "lower"), "latin1") : null;
  if (found !== lower) say(join(dir, "lower"), `is ${found}, should be ${lower}`);
}

/** `lower` of what stands on a chain. */
function stackBelow(root: string, chain: string): string {
  const links: string[] = [];
  for (let at = chain; at !== ""; ) {
    const dir = join(root, "image", "overlay2", "layerdb", "sha256", at);
    links.push(`l/${text(join(root, "overlay2", text(join(dir, "cache-id")), "link"))}`);
    at = existsSync(join(dir, "parent")) ? text(join(dir, "parent")).slice(7) : "";
  }
  return links.join(":");
}

function lowerOnTopOf(home: string, cacheId: string): string {
  const lower = join(home, cacheId, "lower");
  const link = `l/${text(join(home, cacheId, "link"))}`;
  return existsSync(lower) ? `${link}:${readFileSync(lower, "latin1")}` : link;
}

function expectMode(path: string, mode: number, say: Say): void {
  const found = lstatSync(path, { throwIfNoEntry: false })?.mode;
  if (found === undefined) say(path, "is missing");
  else if ((found & 0o7777) !== mode) say(path, `has mode ${(found & 0o7777).toString(8)}, not ${mode.toString(8)}`);
}

function expectEntries(dir: string, allowed: readonly string[], say: Say): void {
  for (const name of list(dir)) if (!allowed.includes(name)) say(join(dir, name), "does not belong there");
}

function list(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir).sort() : [];
}

function text(path: string): string {
  return existsSync(path) ? readFileSync(path, "latin1") : "(no file)";
}

function linkTarget(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch {
    return null;
  }
}

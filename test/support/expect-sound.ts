/**
 * Whether a docker root is what dockerd would have left, judged without any of ovl's own readers. Every test
 * that writes a root ends with it, those of failing operations too. All problems are reported, not the first.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { contentSize } from "./content-size.js";
import { containerProblems } from "./sound-containers.js";

const HEX = /^[0-9a-f]{64}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function expectSound(root: string, driver: "overlay2" | "overlay" = "overlay2"): void {
  const problems = [...new Soundness(root, driver).problems(), ...containerProblems(root, driver)];
  assert.deepEqual(problems, [], `unsound root ${root}:\n${problems.join("\n")}`);
}

interface KnownLayer {
  readonly chain: string;
  readonly diffId: string;
  readonly parent: string | null;
  readonly cacheId: string;
  readonly size: number;
}

class Soundness {
  readonly #root: string;
  readonly #driver: string;
  readonly #image: string;
  readonly #found: string[] = [];
  readonly #layers = new Map<string, KnownLayer>();
  readonly #images = new Set<string>();
  /** Chain ids that an image, a layer or a container stands on. */
  readonly #needed = new Set<string>();
  /** Names in the driver's directory that something refers to. */
  readonly #directories = new Set<string>();
  readonly #buildKit: boolean;

  constructor(root: string, driver: string) {
    this.#root = root;
    this.#driver = driver;
    this.#image = join(root, "image", driver);
    this.#buildKit = existsSync(join(root, "buildkit", "snapshots.db"));
  }

  problems(): string[] {
    this.#mode(this.#root, 0o710);
    this.#mode(join(this.#root, "image"), 0o700);
    this.#mode(this.#image, 0o700);
    this.#mode(join(this.#root, this.#driver), 0o710);
    this.#entries(this.#image, ["distribution", "imagedb", "layerdb", "repositories.json"]);
    this.#readLayers();
    this.#readMounts();
    for (const layer of this.#layers.values()) this.#checkLayer(layer);
    this.#checkImages();
    this.#checkNames();
    this.#checkNothingLeft();
    return this.#found;
  }

  #readLayers(): void {
    const layerDb = join(this.#image, "layerdb");
    this.#mode(layerDb, 0o700);
    this.#entries(layerDb, ["mounts", "sha256", "tmp"]);
    const chains = join(layerDb, "sha256");
    if (existsSync(chains)) this.#mode(chains, 0o755);
    for (const name of names(chains)) {
      if (!HEX.test(name)) {
        this.#say(join(chains, name), "is no layer");
        continue;
      }
      const dir = join(chains, name);
      this.#mode(dir, 0o700);
      const parent = existsSync(join(dir, "parent")) ? this.#text(join(dir, "parent"), 0o644, DIGEST) : null;
      this.#entries(dir, ["cache-id", "diff", "parent", "size", "tar-split.json.gz"]);
      const layer: KnownLayer = {
        chain: `sha256:${name}`,
        diffId: this.#text(join(dir, "diff"), 0o644, DIGEST),
        parent,
        cacheId: this.#text(join(dir, "cache-id"), 0o644, /^[0-9a-z]+$/),
        size: Number(this.#text(join(dir, "size"), 0o644, /^(0|[1-9][0-9]*)$/)),
      };
      this.#layers.set(layer.chain, layer);
      if (parent !== null) this.#needed.add(parent);
      if (this.#directories.has(layer.cacheId)) this.#say(dir, `shares its cache-id ${layer.cacheId}`);
      this.#directories.add(layer.cacheId);
      this.#checkTarSplit(join(dir, "tar-split.json.gz"));
    }
  }

  #readMounts(): void {
    const mounts = join(this.#image, "layerdb", "mounts");
    for (const name of names(mounts)) {
      for (const file of ["mount-id", "init-id"]) {
        if (!existsSync(join(mounts, name, file))) continue;
        this.#directories.add(this.#text(join(mounts, name, file), 0o644, /^[0-9a-f]{64}(-init)?$/));
      }
      if (existsSync(join(mounts, name, "parent"))) {
        this.#needed.add(this.#text(join(mounts, name, "parent"), 0o644, DIGEST));
      }
    }
  }

  #checkLayer(layer: KnownLayer): void {
    const at = join(this.#image, "layerdb", "sha256", layer.chain.slice(7));
    const chain = layer.parent === null ? layer.diffId : `sha256:${sha256(`${layer.parent} ${layer.diffId}`)}`;
    if (chain !== layer.chain) this.#say(at, `should be called ${chain}`);
    const parent = layer.parent === null ? undefined : this.#layers.get(layer.parent);
    if (layer.parent !== null && parent === undefined) this.#say(at, `has no parent ${layer.parent}`);
    if (!this.#needed.has(layer.chain) && !this.#isNeededByImage(layer.chain) && !this.#buildKit) {
      this.#say(at, "is needed by no image, layer or container");
    }
    const dir = join(this.#root, this.#driver, layer.cacheId);
    this.#mode(dir, 0o710);
    if (this.#driver === "overlay") {
      this.#entries(dir, ["root"]);
      return;
    }
    this.#checkOverlay2(layer, parent, dir);
  }

  #checkOverlay2(layer: KnownLayer, parent: KnownLayer | undefined, dir: string): void {
    this.#entries(dir, ["committed", "diff", "link", "lower", "work"]);
    if (!existsSync(join(dir, "diff"))) {
      this.#say(dir, "has no diff");
      return;
    }
    const link = this.#text(join(dir, "link"), 0o644, /^[A-Z2-7]{26}$/);
    const target = linkTarget(join(this.#root, "overlay2", "l", link));
    if (target !== `../${layer.cacheId}/diff`)
      this.#say(join(dir, "link"), `names l/${link}, which leads to ${target}`);
    if (layer.parent === null) {
      for (const name of ["lower", "work"])
        if (existsSync(join(dir, name))) this.#say(dir, `is a base and has ${name}`);
    } else {
      this.#mode(join(dir, "work"), 0o700);
      const lower = this.#text(join(dir, "lower"), 0o644, /^l\//);
      const expected = this.#lowerOf(parent);
      if (lower !== expected) this.#say(join(dir, "lower"), `is ${lower}, should be ${expected}`);
      if (parent !== undefined) {
        this.#text(join(this.#root, "overlay2", parent.cacheId, "committed"), 0o600, /^$/);
      }
    }
    // BuildKit counts otherwise, and gives its directories 25 characters.
    if (layer.cacheId.length !== 64) return;
    const size = contentSize(join(dir, "diff"));
    if (size !== null && size !== layer.size) this.#say(dir, `holds ${size} bytes, its size file says ${layer.size}`);
  }

  #lowerOf(parent: KnownLayer | undefined): string {
    const links: string[] = [];
    for (let layer = parent; layer !== undefined; layer = this.#layers.get(layer.parent ?? "")) {
      const link = join(this.#root, "overlay2", layer.cacheId, "link");
      links.push(`l/${existsSync(link) ? readFileSync(link, "latin1") : "?"}`);
    }
    return links.join(":");
  }

  /** Asked before the images are checked: their configs are read for what they stand on alone. */
  #isNeededByImage(chain: string): boolean {
    this.#tops ??= new Set(
      names(join(this.#image, "imagedb", "content", "sha256")).map((name) =>
        topOf(readFileSync(join(this.#image, "imagedb", "content", "sha256", name))),
      ),
    );
    return this.#tops.has(chain);
  }
  #tops: Set<string | null> | null = null;

  #checkImages(): void {
    const db = join(this.#image, "imagedb");
    for (const path of ["", "content", "content/sha256", "metadata", "metadata/sha256"])
      this.#mode(join(db, path), 0o700);
    for (const name of names(join(db, "content", "sha256"))) {
      const path = join(db, "content", "sha256", name);
      this.#mode(path, 0o600);
      const bytes = readFileSync(path);
      if (sha256(bytes) !== name) this.#say(path, `has the sha256 ${sha256(bytes)}`);
      this.#images.add(`sha256:${name}`);
      const diffIds = diffIdsOf(bytes);
      if (diffIds === null) {
        this.#say(path, "is no image config");
        continue;
      }
      for (const chain of chainOf(diffIds)) if (!this.#layers.has(chain)) this.#say(path, `has no layer ${chain}`);
    }
    for (const name of names(join(db, "metadata", "sha256"))) {
      const dir = join(db, "metadata", "sha256", name);
      if (!this.#images.has(`sha256:${name}`)) this.#say(dir, "is about no image");
      this.#mode(dir, 0o700);
      this.#entries(dir, ["lastUpdated", "parent"]);
      const { lastUpdated, parent } = { lastUpdated: join(dir, "lastUpdated"), parent: join(dir, "parent") };
      if (existsSync(parent)) this.#text(parent, 0o600, DIGEST);
      if (existsSync(lastUpdated)) {
        this.#text(lastUpdated, 0o600, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?(Z|[+-]\d\d:\d\d)$/);
      }
    }
  }

  #checkNames(): void {
    const path = join(this.#image, "repositories.json");
    const text = this.#text(path, 0o600, /^\{"Repositories":\{/);
    const json = JSON.parse(text) as { Repositories: Record<string, Record<string, string>> };
    const sorted = Object.entries(json.Repositories)
      .map(([name, references]) => [name, Object.entries(references).sort(byBytes)] as const)
      .sort(byBytes);
    const canonical = sorted
      .map(([name, refs]) => `"${name}":{${refs.map(([ref, id]) => `"${ref}":"${id}"`).join(",")}}`)
      .join(",");
    if (text !== `{"Repositories":{${canonical}}}`) this.#say(path, "is not compact and sorted");
    for (const [name, references] of sorted) {
      if (/^(index\.)?docker\.io\//.test(name) || name.startsWith("library/"))
        this.#say(path, `has unfamiliar ${name}`);
      if (references.length === 0) this.#say(path, `has nothing for ${name}`);
      for (const [reference, id] of references) {
        const suffix = reference.startsWith(name) ? reference.slice(name.length) : "";
        if (!/^(:[\w][\w.-]{0,127}|@sha256:[0-9a-f]{64})$/.test(suffix))
          this.#say(path, `has ${reference} under ${name}`);
        if (!this.#images.has(id)) this.#say(path, `has ${reference} for ${id}, which is not there`);
      }
    }
  }

  #checkNothingLeft(): void {
    for (const name of names(join(this.#image, "layerdb", "tmp"))) {
      this.#say(join(this.#image, "layerdb", "tmp", name), "was left");
    }
    const home = join(this.#root, this.#driver);
    for (const name of names(home)) {
      if (name === "l" || this.#directories.has(name) || (this.#buildKit && name.length === 25)) continue;
      this.#say(join(home, name), "belongs to nothing");
    }
    if (this.#driver === "overlay2") {
      this.#mode(join(home, "l"), 0o700);
      for (const name of names(join(home, "l"))) {
        const layer = /^\.\.\/([^/]+)\/diff$/.exec(linkTarget(join(home, "l", name)) ?? "")?.[1] ?? "";
        const link = join(home, layer, "link");
        if (layer === "" || !existsSync(link) || readFileSync(link, "latin1") !== name) {
          this.#say(join(home, "l", name), "is the name of no layer");
        }
      }
    }
    const other = this.#driver === "overlay2" ? "overlay" : "overlay2";
    if (names(join(this.#root, other)).length > 0) this.#say(join(this.#root, other), "keeps dockerd from starting");
  }

  #checkTarSplit(path: string): void {
    this.#mode(path, 0o644);
    try {
      const lines = gunzipSync(readFileSync(path)).toString("latin1").split("\n");
      if (lines.pop() !== "") this.#say(path, "does not end with a newline");
      lines.forEach((line, i) => {
        const { type, position } = JSON.parse(line) as { type: unknown; position: unknown };
        if ((type !== 1 && type !== 2) || position !== i)
          this.#say(path, `has type ${type}, position ${position} in line ${i}`);
      });
    } catch (error) {
      this.#say(path, String(error));
    }
  }

  #say(path: string, what: string): void {
    this.#found.push(`${path} ${what}`);
  }

  #mode(path: string, mode: number): void {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) this.#say(path, "is missing");
    else if ((stat.mode & 0o7777) !== mode)
      this.#say(path, `has mode ${(stat.mode & 0o7777).toString(8)}, not ${mode.toString(8)}`);
  }

  #entries(dir: string, allowed: readonly string[]): void {
    for (const name of names(dir)) if (!allowed.includes(name)) this.#say(join(dir, name), "does not belong there");
  }

  /** Content of a file, which must be of this mode and shape to the last byte. */
  #text(path: string, mode: number, shape: RegExp): string {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat?.isFile()) {
      this.#say(path, "is missing");
      return "";
    }
    this.#mode(path, mode);
    const text = readFileSync(path, "utf8");
    if (!shape.test(text) || text.trim() !== text) this.#say(path, `holds ${JSON.stringify(text.slice(0, 100))}`);
    return text;
  }
}

function names(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir).sort() : [];
}

function linkTarget(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch {
    return null;
  }
}

function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

function byBytes([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function diffIdsOf(config: Uint8Array): string[] | null {
  try {
    const { rootfs } = JSON.parse(Buffer.from(config).toString("utf8")) as { rootfs?: { diff_ids?: string[] | null } };
    return rootfs === undefined ? null : (rootfs.diff_ids ?? []);
  } catch {
    return null;
  }
}

function chainOf(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : `sha256:${sha256(`${parent} ${diffId}`)}`);
  }
  return chain;
}

function topOf(config: Uint8Array): string | null {
  return chainOf(diffIdsOf(config) ?? []).at(-1) ?? null;
}

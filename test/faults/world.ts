/** A small disk of its own with a root on it, that can be filled, made to fail, looked at and put back. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Scratch, scratch } from "../support/tmp.js";
import { readTree } from "../support/tree.js";
import { type Inputs, makeInputs, makeRoot } from "./commands.js";

/** Bytes of a page: what a file on a tmpfs takes at least. */
const PAGE = 4096;
const PAGES = 256;
const INODES = 256;

export class World implements Disposable {
  readonly #work: Scratch;
  /** Where the tmpfs is mounted. */
  readonly disk: string;
  readonly root: string;
  /** A directory on the same disk, for what commands write elsewhere, and for temporary files. */
  readonly out: string;
  readonly inputs: Inputs;
  readonly #ballast: string;

  private constructor(work: Scratch) {
    this.#work = work;
    this.disk = work.dir("disk");
    this.root = join(this.disk, "root");
    this.out = join(this.disk, "out");
    this.#ballast = join(this.disk, "ballast");
    this.inputs = makeInputs(work);
  }

  static async make(): Promise<World> {
    const world = new World(scratch("faults", 0));
    const options = `size=${PAGES * PAGE},nr_inodes=${INODES},mode=0755`;
    const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", options, "none", world.disk]);
    assert.equal(status, 0, String(stderr));
    world.#work.dir("disk", "out");
    world.#work.dir("disk", "ballast");
    process.env["TMPDIR"] = world.out;
    await makeRoot(world.root, world.#work);
    assert.equal(spawnSync("cp", ["-a", world.root, world.#work.join("template")]).status, 0);
    return world;
  }

  /** Puts the root back to what it was made as, on a disk with room. */
  restore(): void {
    this.makeRoom();
    spawnSync("rm", ["-rf", this.root, this.out]);
    this.#work.dir("disk", "out");
    assert.equal(spawnSync("cp", ["-a", this.#work.join("template"), this.root]).status, 0);
  }

  /** Everything on the disk but times, as text by path. */
  facts(): Map<string, string> {
    const tree = new Map([...readTree(this.root)].map(([path, node]) => [`root/${path}`, node]));
    for (const [path, node] of readTree(this.out)) tree.set(`out/${path}`, node);
    return new Map(
      [...tree].map(([path, { type, mode, owner, content, xattrs }]) => [
        path,
        [type, mode, owner, content ?? "", ...[...xattrs].flat()].join(" "),
      ]),
    );
  }

  /** What is free on the disk. */
  free(): { readonly pages: number; readonly inodes: number } {
    const { bfree, ffree } = statfsSync(this.disk);
    return { pages: bfree, inodes: ffree };
  }

  /** Fills the disk, but for so many pages or inodes; `call` leaves it as it is. */
  leave(kind: "pages" | "inodes" | "call", count: number): void {
    if (kind === "pages") writeFileSync(join(this.#ballast, "pages"), Buffer.alloc((this.free().pages - count) * PAGE));
    if (kind !== "inodes") return;
    const { inodes } = this.free();
    for (let i = 0; i < inodes - count; i++) writeFileSync(join(this.#ballast, String(i)), "");
  }

  makeRoom(): void {
    for (const name of readdirSync(this.#ballast)) rmSync(join(this.#ballast, name));
  }

  [Symbol.dispose](): void {
    spawnSync("umount", ["-l", this.disk]);
    this.#work[Symbol.dispose]();
  }
}

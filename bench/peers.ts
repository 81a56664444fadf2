/** What does the work that is measured: ovl, and every peer that is installed. Each checks what it did. */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Roots and outputs go here: what is measured is the tools, not a disk. */
export const SCRATCH = mkdtempSync("/dev/shm/ovl-bench-");

/** For what is larger than memory; in the system's own place for large temporary files. */
const DISK = mkdtempSync("/var/tmp/ovl-bench-");

export const OVL = [process.execPath, "bin/run.js"];

export function has(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

export function fresh(name: string): string {
  return emptied(join(SCRATCH, name));
}

/** As `fresh`, on a disk. */
export function freshOnDisk(name: string): string {
  return emptied(join(DISK, name));
}

/** Takes away all that a run has made, and stops what it has started, also where it has failed. */
export async function cleanUp(): Promise<void> {
  for (const daemon of [...running]) await daemon.stop();
  for (const directory of [SCRATCH, DISK]) remove(directory);
}

/** By rm, which is several times as fast as Node's rmSync where there are very many files. */
function remove(directory: string): void {
  spawnSync("rm", ["-rf", directory]);
}

function emptied(path: string): string {
  remove(path);
  mkdirSync(path, { recursive: true });
  return path;
}

/** Objects below a directory, so that nobody wins by leaving some out. */
export function countBelow(path: string): number {
  const { stdout } = spawnSync("sh", ["-c", `find ${path} -mindepth 1 | wc -l`]);
  return Number(stdout.toString());
}

const running = new Set<Dockerd>();

/** A dockerd on a root of its own, and the client that asks it. */
export class Dockerd {
  readonly root: string;
  readonly #run: string;
  #pid = 0;

  constructor(root: string) {
    this.root = root;
    this.#run = mkdtempSync("/tmp/ovl-bench-d");
  }

  client(...args: string[]): string[] {
    return ["/usr/bin/docker", "-H", `unix://${this.#run}/s`, ...args];
  }

  async start(): Promise<this> {
    const flags = ["--iptables=false", "--bridge=none", "--ip-masq=false", "-s", "overlay2"];
    const places = ["--data-root", this.root, "--exec-root", `${this.#run}/e`, "-p", `${this.#run}/p`];
    spawn("dockerd", [...places, "-H", `unix://${this.#run}/s`, ...flags], { stdio: "ignore" });
    for (let i = 0; i < 600; i++, await sleep(50)) {
      const [file, ...args] = this.client("version");
      if (spawnSync(file as string, args).status !== 0) continue;
      this.#pid = Number(readFileSync(`${this.#run}/p`, "utf8"));
      running.add(this);
      return this;
    }
    throw new Error("dockerd did not start");
  }

  async stop(): Promise<void> {
    running.delete(this);
    process.kill(this.#pid, "SIGTERM");
    while (statSync(`/proc/${this.#pid}`, { throwIfNoEntry: false }) !== undefined) await sleep(20);
    spawnSync("umount", [this.root]);
    rmSync(this.#run, { recursive: true, force: true });
  }
}

/** Objects of all layers of a docker root: the same number for ovl and dockerd. */
export function layerObjects(root: string): number {
  const home = join(root, "overlay2");
  const layers = readdirSync(home).filter((name) => name !== "l");
  return layers.reduce((sum, name) => sum + countBelow(join(home, name, "diff")), 0);
}

export function expectSame(what: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`${what}: ${found} objects, expected ${expected}`);
}

/**
 * Eight processes pull, tag, commit, create and remove on one root at once, for OVL_SOAK_SECONDS (5, in CI 60), now and
 * then one is killed, and two look on. Nobody's name is lost, nobody waits for the dead, readers never
 * see half a state.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { checkRoot } from "../../src/audit/fsck.js";
import { parseReference } from "../../src/model/reference.js";
import { openStore } from "../../src/store/store.js";
import { expectSound } from "../support/expect-sound.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { dir, file, layer } from "../support/tar-builder.js";
import { scratch } from "../support/tmp.js";
import { ovlHere } from "./commands.js";
import type { BookLine } from "./crowd-worker.js";

const PROGRAM = fileURLToPath(new URL("crowd-worker.js", import.meta.url));
const SECONDS = Number(process.env["OVL_SOAK_SECONDS"] ?? 5);
const WRITERS = 8;
const READERS = 2;

interface Member {
  readonly process: ChildProcess;
  readonly book: Map<string, string>;
  /** The name that is being changed. */
  doing: string | null;
  /** Names given and taken, or looks. */
  count: number;
  /** Status and stderr. */
  readonly ended: Promise<readonly [number | null, string]>;
}

it(`eight processes and two readers share a root for ${SECONDS} s, one of them being killed now and then`, {
  skip: oracle("root"),
}, async (context) => {
  using work = scratch("crowd", 0);
  const [root, archives] = [work.join("root"), work.dir("archives")];
  makeArchives(archives);
  let names = 0;
  const end = performance.now() + SECONDS * 1000;
  const start = (role: "read" | "write") => {
    const left = Math.max(0.5, (end - performance.now()) / 1000);
    return join(role, [root, archives, `w${names++}`, String(left)]);
  };
  const readers = Array.from({ length: READERS }, () => start("read"));
  const alive = Array.from({ length: WRITERS }, () => start("write"));
  const dead: Member[] = [];
  while (performance.now() < end - 2000) {
    await sleep(1500);
    const victim = alive.shift() as Member;
    victim.process.kill("SIGKILL");
    await victim.ended;
    dead.push(victim);
    alive.push(start("write"));
  }
  for (const { ended } of [...readers, ...alive]) assert.deepEqual(await ended, [0, ""]);

  // What the killed ones left.
  await ovlHere(["fsck", "-q", "--repair", "--root", root]);
  await using store = await openStore({ root, driver: null });
  assert.deepEqual(checkRoot(store).findings, []);
  expectSound(root);
  const expected = new Map([...alive, ...dead].flatMap(({ book }) => [...book]));
  const open = new Set([...alive, ...dead].flatMap(({ doing }) => (doing === null ? [] : [doing])));
  for (const [name, id] of expected) {
    if (!open.has(name)) assert.equal(store.repositories.get(parseReference(name)), id, `${name} was lost`);
  }
  const changes = [...alive, ...dead].reduce((sum, member) => sum + member.count, 0);
  const looks = readers.reduce((sum, member) => sum + member.count, 0);
  assert.ok(expected.size >= WRITERS && looks >= READERS);
  context.diagnostic(`${changes} changes of names, ${expected.size} kept, ${dead.length} killed, ${looks} looks`);
});

function join(role: "read" | "write", args: readonly string[]): Member {
  const child = spawn(process.execPath, [PROGRAM, role, ...args], { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  const stderr = text(child.stderr as Readable);
  const lines = createInterface({ input: child.stdio[3] as Readable });
  const ended = Promise.all([once(child, "close"), stderr, once(lines, "close")]);
  const member: Member = {
    process: child,
    book: new Map(),
    doing: null,
    count: 0,
    ended: ended.then(([[status], errors]) => [status as number | null, errors]),
  };
  lines.on("line", (line) => enter(member, JSON.parse(line) as BookLine));
  return member;
}

function enter(member: Member, line: BookLine): void {
  if (line.kind === "rounds") {
    // A reader has no book.
    if (member.count === 0) member.count = line.count;
    return;
  }
  if (line.kind !== "doing") member.count++;
  member.doing = line.kind === "doing" ? line.name : null;
  if (line.kind === "has") member.book.set(line.name, line.id);
  if (line.kind === "lacks") member.book.delete(line.name);
}

/** Four images that have some layers in common, and a file to copy. */
function makeArchives(path: string): void {
  mkdirSync(path, { recursive: true });
  const base = layer(dir("etc/"), file("etc/passwd", "root:x:0:0\n"), file("large", Buffer.alloc(50_000, 1)));
  const middle = layer(file("etc/middle", "m"));
  for (let i = 0; i < 4; i++) {
    const layers = [base, ...(i % 2 === 0 ? [middle] : []), layer(file("own", String(i)))];
    writeFileSync(`${path}/${i}.tar`, archive(dockerArchive([image({ layers })])));
  }
  writeFileSync(`${path}/note`, "note\n");
}

/**
 * `node crowd-worker.js write|read ROOT ARCHIVES NAME SECONDS`: one of many processes on a root. A writer does what
 * comes to its mind and keeps a book of the names that are its own; a reader asks, and doubts every answer. What a
 * writer is about to do to its book, and what it has done, goes to file descriptor 3, a JSON document a line.
 */
import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fsck } from "../../src/audit/fsck-run.js";
import { listContainers } from "../../src/container/list.js";
import { asOvlError } from "../../src/errors.js";
import type { ImageId } from "../../src/model/digest.js";
import { parseReference } from "../../src/model/reference.js";
import { listImages } from "../../src/store/images.js";
import { inspectImage } from "../../src/store/inspect.js";
import { steady } from "../../src/store/steady.js";
import { openStore, type Store } from "../../src/store/store.js";
import { ovlHere } from "./commands.js";

/** An entry of a writer's book. `doing`: what a kill leaves open. */
export type BookLine =
  | { readonly kind: "doing"; readonly name: string }
  | { readonly kind: "has"; readonly name: string; readonly id: string }
  | { readonly kind: "lacks"; readonly name: string }
  | { readonly kind: "rounds"; readonly count: number };

const [role = "", root = "", archives = "", own = "", seconds = "1"] = process.argv.slice(2);
const end = performance.now() + Number(seconds) * 1000;
let rounds = 0;
do {
  await (role === "write" ? write() : read());
  rounds++;
} while (performance.now() < end);
note({ kind: "rounds", count: rounds });
process.exit(0);

function note(line: BookLine): void {
  writeSync(3, `${JSON.stringify(line)}\n`);
}

/** The life of an image and a container, each with names that nobody else uses. */
async function write(): Promise<void> {
  const [image, kept, box] = [`${own}/app:${rounds}`, `${own}/kept:${rounds}`, `${own}-${rounds}`];
  // Each writer has all archives in turn, and begins with another one.
  const archive = join(archives, `${(rounds + own.length * Number(own.slice(1))) % 4}.tar`);
  await change(image, ["pull", archive, "-q", "-t", image]);
  await ovlHere(["create", "-q", "--name", box, "--root", root, image]);
  await ovlHere(["cp", join(archives, "note"), `${box}:/note`, "--root", root]);
  await change(kept, ["commit", "-q", box, kept]);
  if (rounds % 3 === 0) await ovlHere(["prune", "-q", "--root", root]);
  await ovlHere(["rm", "-q", "--root", root, box]);
  await take(image);
  if (rounds % 2 === 1) await take(kept);
}

/** A command that gives a name; the book has what it means from then on. */
async function change(name: string, argv: readonly string[]): Promise<void> {
  note({ kind: "doing", name });
  await ovlHere([...argv, "--root", root]);
  note({ kind: "has", name, id: (await meaning(name)) ?? assert.fail(`${name} was lost at once`) });
}

async function take(name: string): Promise<void> {
  note({ kind: "doing", name });
  await ovlHere(["rmi", "-q", "--root", root, name]);
  assert.equal(await meaning(name), null, `${name} has come back`);
  note({ kind: "lacks", name });
}

async function meaning(name: string): Promise<ImageId | null> {
  await using store = await openStore({ root, driver: null });
  return store.repositories.get(parseReference(name));
}

async function read(): Promise<void> {
  await sleep(100);
  const { images, warnings } = await steady({ root, driver: null }, (store) => listImages(store, { all: true }));
  assert.deepEqual(warnings, [], "half an image is listed");
  const containers = await steady({ root, driver: null }, (store) => listContainers(store, { all: true }));
  assert.deepEqual(containers.warnings, [], "half a container is listed");
  await using store = await openStore({ root, driver: null });
  for (const { id } of images) inspect(store, id as ImageId);
  const { problems } = await fsck(store, { deep: false, jobs: 1 });
  const damage = problems.filter(({ severity }) => severity !== "reclaimable");
  assert.deepEqual(
    damage.map(({ code, path }) => `${code} ${path}`),
    [],
    "fsck takes work under way for damage",
  );
}

/** An image that was listed can be inspected, unless it has gone since. */
function inspect(store: Store, id: ImageId): void {
  try {
    inspectImage(store, id);
  } catch (thrown) {
    const error = asOvlError(thrown);
    if (error.code !== "NOT_FOUND") throw error;
  }
}

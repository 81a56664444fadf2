/**
 * Asks every question of the root that is its argument, in a process whose memory can be looked at. Prints one line of
 * JSON: the most memory that it took, in MiB, and what was answered other than by an answer or a refusal.
 */
import { checkRoot } from "../../src/audit/fsck.js";
import { fsck } from "../../src/audit/fsck-run.js";
import { asOvlError } from "../../src/errors.js";
import { openStore, type Store } from "../../src/store/store.js";
import { StoredVerifier } from "../../src/store/verify-stored.js";
import { OF_CONTAINER, OF_IMAGE, OF_ONE, WHOLE } from "./answers.js";

const [root = "", image = "", container = ""] = process.argv.slice(2);
const LIMITS = { jobs: 1, maxLayerBytes: 64 * 2 ** 20 };

const bugs: string[] = [];
const slow: string[] = [];

async function ask(name: string, question: (store: Store) => unknown): Promise<void> {
  const { user } = process.cpuUsage();
  try {
    await using store = await openStore({ root, driver: null });
    await question(store);
  } catch (thrown) {
    const error = asOvlError(thrown);
    if (error.code === "INTERNAL") bugs.push(`${name}: ${error.stack}`);
  }
  const seconds = (process.cpuUsage().user - user) / 1e6;
  if (seconds > 10) slow.push(`${name} took ${seconds} s`);
}

for (const [name, question] of Object.entries(WHOLE)) await ask(name, question);
for (const target of [image, container]) {
  for (const [name, question] of Object.entries(OF_ONE))
    await ask(`${name} ${target}`, (store) => question(store, target));
}
for (const [name, question] of Object.entries(OF_IMAGE)) await ask(name, (store) => question(store, image));
for (const [name, question] of Object.entries(OF_CONTAINER)) await ask(name, (store) => question(store, container));
await ask("fsck", (store) => checkRoot(store));
await ask("fsck --deep", (store) => fsck(store, { deep: true, ...LIMITS }));
await ask("verify", async (store) => {
  await using verifier = new StoredVerifier(store, LIMITS);
  for (const id of store.images.ids()) await verifier.verify(id);
});
process.stdout.write(`${JSON.stringify({ mib: process.resourceUsage().maxRSS >> 10, bugs, slow })}\n`);

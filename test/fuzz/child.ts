/**
 * Gives inputs of one kind to the library, one after the other, and tells on stdout which is next: whoever watches
 * knows which one did not end. Arguments: kind, directory, first seed, count.
 */
import { mkdirSync, readdirSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { removeTree } from "../../src/driver/remove-tree.js";
import { readTree } from "../support/tree.js";
import type { Kind } from "./kind.js";
import { KINDS, type KindName } from "./kinds.js";
import { Random } from "./random.js";

/** Most of it is Node, its heap and what the allocator keeps; a layer is worked on in half a MiB. */
const MAX_RSS = 400 * 2 ** 20;
/** Looking costs more than most inputs. */
const LOOK_EVERY = 500;

const [name, directory, first, count] = process.argv.slice(2) as [KindName, string, string, string];
const kind: Kind = KINDS[name];
const place = { own: join(directory, "own"), outside: join(directory, "outside"), kept: join(directory, "kept") };
mkdirSync(join(place.outside, "sub"), { recursive: true });
mkdirSync(place.kept);
mkdirSync(place.own);
writeFileSync(join(place.outside, "victim"), "untouched\n", { mode: 0o640 });
writeFileSync(join(place.outside, "sub/file"), "untouched too\n");
await kind.prepare?.(place);

const before = outside();
const end = Number(first) + Number(count);
for (let seed = Number(first); seed < end; seed++) {
  say({ seed });
  try {
    await kind.run(new Random(seed), place);
    const rss = process.memoryUsage.rss();
    if (rss > MAX_RSS) throw new Error(`${rss >> 20} MiB of memory are taken`);
    if ((seed % LOOK_EVERY === 0 || seed === end - 1) && outside() !== before)
      throw new Error("something outside changed");
  } catch (thrown) {
    say({ seed, finding: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) });
    removeTree(place.own);
    mkdirSync(place.own);
  }
}
say({ done: Math.round(process.memoryUsage.rss() / 2 ** 20) });

function outside(): string {
  const nodes = [...readTree(place.outside)];
  const names = readdirSync(directory).sort();
  return JSON.stringify([names, nodes], (_, value) => (typeof value === "bigint" ? String(value) : value));
}

/** At once, and in order: it may be the last thing that is heard. */
function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

/**
 * A root changed at random, in one place at a time: a byte of a file, or a whole file or directory. Every question
 * about it is answered, or refused in the program's own words; nothing is written; what is damaged is said; and what
 * is not is answered as before.
 */
import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { OvlError } from "../../src/errors.js";
import { openStore, type Store } from "../../src/store/store.js";
import { copyRoot } from "../support/copy-root.js";
import { oracle } from "../support/oracles.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { type Answer, OF_CONTAINER, OF_IMAGE, OF_ONE, WHOLE } from "./answers.js";
import { damageRoot, type Subject, subjectsOf, touches } from "./damage-root.js";
import { mutate, pathsIn, random, restore, traces } from "./mutate.js";

/** A night has time for more. */
const MUTATIONS = Number(process.env["OVL_MUTATIONS"] ?? 1000);

/** The same as long as nothing of what it is about was changed. */
const STEADY = {
  image: {
    chain: OF_IMAGE.chain,
    waste: OF_IMAGE.waste,
    which: OF_ONE.which,
    files: OF_ONE.files,
    export: OF_ONE.export,
  },
  container: { diff: OF_CONTAINER.diff, which: OF_ONE.which, files: OF_ONE.files, export: OF_ONE.export },
} as const;
/** These also have what others are called, and when something was put in its place. */
const LOOSE = {
  image: {
    owner: OF_ONE.owner,
    timeline: OF_ONE.timeline,
    inspect: OF_IMAGE.inspect,
    history: OF_IMAGE.history,
    diff: OF_IMAGE.diff,
  },
  container: { owner: OF_ONE.owner, timeline: OF_ONE.timeline, inspect: OF_CONTAINER.inspect },
} as const;

type Ask = (store: Store) => Answer | Promise<Answer>;

async function asked(root: string, what: string, ask: Ask): Promise<Answer | OvlError> {
  try {
    await using store = await openStore({ root, driver: null });
    return await ask(store);
  } catch (thrown) {
    if (thrown instanceof OvlError && thrown.code !== "INTERNAL") return thrown;
    throw new Error(`${what}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
  }
}

/** Without the times of directories in which something was put back. */
function timeless(answer: unknown): string {
  return JSON.stringify(answer, (key, value: unknown) => (key === "mtime" ? undefined : value));
}

describe("questions about a damaged root", { skip: oracle("root") }, () => {
  let work: Scratch;
  let sound: string;
  let subjects: readonly Subject[];
  before(async () => {
    work = scratch("damage", 0);
    sound = work.join("sound");
    await damageRoot(sound, work);
    await using store = await openStore({ root: sound, driver: null });
    subjects = subjectsOf(store);
  });
  after(() => work?.[Symbol.dispose]());

  async function expectListings(root: string, changed: string, what: string): Promise<void> {
    for (const [name, ask] of Object.entries(WHOLE)) {
      const found = await asked(root, `${name} of ${what}`, ask);
      if (found instanceof OvlError) {
        // Without `image` nobody can say that it is a root.
        assert.ok(found.code === "BAD_ROOT" && changed === "image", `${name} of ${what}: ${found}`);
        continue;
      }
      if (name !== "images" && name !== "ps") continue;
      const ids = new Set((found.answer as readonly { id: string }[]).map(({ id }) => id));
      for (const { kind, id, listed } of subjects) {
        if ((kind === "image") !== (name === "images") || ids.has(id)) continue;
        assert.ok(touches(changed, listed), `${name} lacks ${id}, of which nothing was changed: ${what}`);
        assert.notEqual(found.warnings.length, 0, `${name} lacks ${id}, and does not say so: ${what}`);
      }
    }
  }

  it(`are answered after each of ${MUTATIONS} random changes, and change nothing`, async () => {
    const root = copyRoot(sound, work.join("root"));
    const expected = new Map<string, string>();
    for (const { kind, id } of subjects) {
      for (const [name, ask] of Object.entries(STEADY[kind])) {
        const found = await asked(root, name, (store) => ask(store, id));
        assert.ok(!(found instanceof OvlError), String(found));
        expected.set(`${name} ${id}`, timeless(found.answer));
      }
    }
    const pick = random(16_072_026);
    const candidates = pathsIn(sound);
    for (let i = 0; i < MUTATIONS; i++) {
      const path = candidates[pick(candidates.length)] as string;
      const what = `${path}: ${mutate(root, path, pick)} (change ${i})`;
      const before = traces(root);
      await expectListings(root, path, what);
      // Each in its turn: every question of every one would take a minute.
      const { kind, id, whole } = subjects[i % subjects.length] as Subject;
      for (const [name, ask] of Object.entries(STEADY[kind])) {
        const found = await asked(root, `${name} of ${what}`, (store) => ask(store, id));
        if (path === "image" || touches(path, whole)) continue;
        assert.ok(!(found instanceof OvlError), `${name} ${id} of ${what}: ${found}`);
        assert.equal(timeless(found.answer), expected.get(`${name} ${id}`), `${name} ${id} of ${what}`);
      }
      for (const [name, ask] of Object.entries(LOOSE[kind])) {
        await asked(root, `${name} of ${what}`, (store) => ask(store, id));
      }
      assert.equal(traces(root), before, what);
      restore(sound, root, path);
    }
  });

  /** What stands in the place of a directory of the layout is told with every answer about the whole. */
  async function expectSaid(root: string): Promise<void> {
    await using store = await openStore({ root, driver: null });
    for (const { message } of store.layout.warnings) {
      for (const [name, ask] of Object.entries(WHOLE)) {
        const { warnings } = ask(store);
        assert.ok(
          warnings.some((warning) => warning.message === message),
          `${name} does not say that ${message}`,
        );
      }
    }
  }

  it("never follow a symlink out of the root, wherever it stands", async () => {
    const directories = pathsIn(sound).filter((path) => !path.includes("/diff/") && isDirectory(sound, path));
    const elsewhere = work.dir("elsewhere");
    const all = [
      ...Object.entries(WHOLE).map(([name, ask]) => [name, ask] as const),
      ...subjects.flatMap(({ kind, id }) =>
        Object.entries({ ...STEADY[kind], ...LOOSE[kind] }).map(
          ([name, ask]) => [`${name} ${id}`, (store: Store) => ask(store, id)] as const,
        ),
      ),
    ];
    for (const path of directories) {
      const root = copyRoot(sound, work.join("linked"));
      const outside = join(elsewhere, path);
      mkdirSync(dirname(outside), { recursive: true });
      renameSync(join(root, path), outside);
      const answers: string[][] = [];
      // What is there must make no difference: once all that was in the root, once nothing.
      for (const target of [outside, "/nonexistent"]) {
        rmSync(join(root, path), { force: true });
        symlinkSync(target, join(root, path));
        const found: string[] = [];
        for (const [name, ask] of all) {
          const answer = await asked(root, `${name} of ${path}`, ask);
          found.push(`${name}: ${answer instanceof OvlError ? answer.code : JSON.stringify(answer.answer)}`);
        }
        answers.push(found);
      }
      assert.deepEqual(answers[0], answers[1], `${path} is a symlink`);
      await expectSaid(root);
      rmSync(root, { recursive: true });
      rmSync(elsewhere, { recursive: true });
    }
  });
});

function isDirectory(root: string, path: string): boolean {
  return pathsIn(root).some((other) => other.startsWith(`${path}/`));
}

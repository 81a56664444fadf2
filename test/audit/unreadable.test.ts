/**
 * What a user is told who may not read all of a root: the rest, and what could not be read; or that, and nothing else.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, constants, lstatSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { checkRoot } from "../../src/audit/fsck.js";
import { inspectAll } from "../../src/cli/answers/inspect.js";
import { Targets } from "../../src/cli/target.js";
import { OvlError } from "../../src/errors.js";
import type { ImageId } from "../../src/model/digest.js";
import { resolveTarget } from "../../src/rootfs/layers.js";
import { NO_OPTIONS } from "../../src/source/registry/options.js";
import { imageChain } from "../../src/store/chain.js";
import { resolveContainer } from "../../src/store/resolve-container.js";
import { openStore, type Store } from "../../src/store/store.js";
import { statusOf } from "../../src/store/verification.js";
import { StoredVerifier } from "../../src/store/verify-stored.js";
import { oracle } from "../support/oracles.js";
import { ORDINARY_USER } from "../support/ordinary-user.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { type Answer, OF_CONTAINER, OF_IMAGE, OF_ONE, WHOLE } from "./answers.js";
import { damageRoot, type Subject, subjectsOf } from "./damage-root.js";
import { pathsIn } from "./mutate.js";

const FSCK = (store: Store): Answer => ({ answer: checkRoot(store).findings, warnings: [] });

async function asNobody<T>(act: () => Promise<T>): Promise<T> {
  process.setegid?.(ORDINARY_USER);
  process.seteuid?.(ORDINARY_USER);
  try {
    return await act();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

describe("a user who may not read everything", { skip: oracle("root") }, () => {
  let work: Scratch;
  let root: string;
  let subjects: readonly Subject[];
  before(async () => {
    work = scratch("unreadable", 0);
    root = work.join("root");
    await damageRoot(root, work);
    await using store = await openStore({ root, driver: null });
    subjects = subjectsOf(store);
  });
  after(() => work?.[Symbol.dispose]());

  async function ask(act: (store: Store) => Answer | Promise<Answer>, what: string): Promise<Answer | OvlError> {
    try {
      await using store = await openStore({ root, driver: null });
      return await act(store);
    } catch (thrown) {
      if (thrown instanceof OvlError && thrown.code !== "INTERNAL") return thrown;
      throw new Error(`${what}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
    }
  }

  /** The directory of an image's top layer. */
  async function oneLayer(): Promise<{ path: string; id: ImageId }> {
    await using store = await openStore({ root, driver: null });
    const id = subjects.find(({ kind }) => kind === "image")?.id as ImageId;
    return { path: imageChain(store, id).layers.at(-1)?.dir as string, id };
  }

  function questions(): [string, (store: Store) => Answer | Promise<Answer>][] {
    const whole = Object.entries({ ...WHOLE, fsck: FSCK });
    const single = subjects.flatMap(({ kind, id }) =>
      Object.entries({ ...OF_ONE, ...(kind === "image" ? OF_IMAGE : OF_CONTAINER) }).map(
        ([name, question]) =>
          [`${name} of ${kind} ${id}`, (store: Store) => question(store, id)] as [
            string,
            (store: Store) => Answer | Promise<Answer>,
          ],
      ),
    );
    return [...whole, ...single];
  }

  it("is refused by the name of what may not be read, where that is the root", async () => {
    chmodSync(work.path, 0o755);
    for (const [name, question] of questions()) {
      const found = await asNobody(() => ask(question, name));
      assert.ok(found instanceof OvlError && found.code === "PERMISSION", `${name}: ${JSON.stringify(found)}`);
      assert.ok(found.message.includes(root), found.message);
    }
  });

  it("is refused a container whose files may not be read, by whatever name it is asked for", async () => {
    assert.equal(spawnSync("chmod", ["-R", "a+rX", work.path]).status, 0);
    const { id } = subjects.find(({ kind }) => kind === "container") as Subject;
    const dir = join(root, "containers", id);
    chmodSync(dir, 0o700);
    const refused = { code: "PERMISSION", message: new RegExp(`cannot read ${dir}/config.v2.json: EACCES`) };
    await asNobody(async () => {
      await using store = await openStore({ root, driver: null });
      for (const text of [id, id.slice(0, 12), "whatever"]) {
        assert.throws(() => resolveContainer(store, text), refused);
        assert.throws(() => resolveTarget(store, text), refused);
        const open = async () => store;
        const targets = new Targets(open, null, NO_OPTIONS);
        const { missing } = await inspectAll(targets, [text]);
        assert.equal(missing?.code, "PERMISSION");
      }
      const image = subjects.find(({ kind }) => kind === "image") as Subject;
      assert.equal(resolveTarget(store, image.id).kind, "image");
    });
    chmodSync(dir, 0o755);
  });

  it("is told that a layer could not be read, which is not that it differs", async () => {
    const { path, id } = await oneLayer();
    chmodSync(path, 0o700);
    await asNobody(async () => {
      await using store = await openStore({ root, driver: null });
      await using verifier = new StoredVerifier(store, { jobs: 1 });
      const { ok, problems } = await verifier.verify(id);
      assert.equal(ok, false);
      assert.deepEqual([...new Set(problems.map(({ code }) => code))], ["PERMISSION"]);
      assert.equal(statusOf(problems), 6);
      const differs = { code: "DIFF_ID_MISMATCH", subject: "", expected: null, actual: null, message: "" } as const;
      assert.equal(statusOf([...problems, differs]), 1);
      assert.equal(statusOf([]), 0);
    });
    chmodSync(path, 0o755);
  });

  it("is answered as far as possible, and told what could not be read, whatever that is", async () => {
    // As somebody has copied it who wants to look at it.
    const { status } = spawnSync("chmod", ["-R", "a+rX", work.path]);
    assert.equal(status, 0);
    const expected = new Map<string, string>();
    for (const [name, question] of questions()) {
      const found = await asNobody(() => ask(question, name));
      expected.set(name, found instanceof OvlError ? found.message : essence(found.answer));
    }
    for (const path of pathsIn(root)) {
      const full = join(root, path);
      const { mode } = lstatSync(full);
      if ((mode & S_IFMT) === S_IFLNK) continue;
      chmodSync(full, 0);
      for (const [name, question] of questions()) {
        const what = `${name} without ${path}`;
        const found = await asNobody(() => ask(question, what));
        if (found instanceof OvlError) {
          const refused = found.code === "PERMISSION" || found.message.includes(path);
          assert.ok(refused || found.message === expected.get(name), `${what}: ${found}`);
        } else if (essence(found.answer) !== expected.get(name) && !name.startsWith("diff of image")) {
          assert.notEqual(found.warnings.length, 0, `${what} differs, and does not say why`);
        }
      }
      chmodSync(full, mode & 0o7777);
    }
  });
});

const { S_IFMT, S_IFLNK } = constants;

/** Without what a change of mode itself changes, and without the name of an image, which may be its id. */
function essence(answer: unknown): string {
  const events = Array.isArray(answer)
    ? answer.filter((one: { kind?: string }) => one.kind !== "file-changed")
    : answer;
  return JSON.stringify(events, (key, value: unknown) => (["mode", "time", "image"].includes(key) ? undefined : value));
}

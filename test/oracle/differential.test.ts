/**
 * Every image of the corpus goes into one root through dockerd and into another through ovl. What the one
 * refuses the other refuses; what both take is the same on disk in everything that can be read from it.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { OvlError } from "../../src/errors.js";
import { type Comparison, compareRoots } from "../support/compare-roots.js";
import { type Dockerd, startDockerd } from "../support/dockerd.js";
import { chainIds, hex } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { pullFile } from "../support/pull.js";
import { diskScratch, type Scratch, scratch } from "../support/tmp.js";
import { assertSaved } from "./agreement.js";
import { type Case, corpus } from "./corpus.js";

const skip = oracle("root", "dockerd", "getfattr", "zstd");

/** Filesystems differ in the xattrs that they take: in names, in sizes, in ACLs. */
const ALSO_ON_DISK = "xattrs";

test("dockerd and ovl write the same root", { skip }, async (t) => {
  using dir = scratch("differential");
  await compareThemes(t, dir, () => true);
  await t.test("and dockerd saves every image from ovl's root, but those that ovl warned of", () => saveAll(dir));
});

test("dockerd and ovl write the same root on a disk", { skip }, async (t) => {
  using dir = diskScratch("differential");
  await compareThemes(t, dir, (theme) => theme === ALSO_ON_DISK);
});

test("both refuse what dockerd leaves half registered", { skip }, async (t) => {
  using dir = scratch("differential");
  const cases = [...corpus.values()].flat().filter(({ apart }) => apart);
  for (const [each, verdict] of await loadBoth(t, dir, cases)) {
    await t.test(each.title, () => assertVerdicts(each, verdict));
  }
});

async function compareThemes(t: TestContext, dir: Scratch, chosen: (theme: string) => boolean): Promise<void> {
  const themes = [...corpus].filter(([theme]) => chosen(theme));
  const cases = themes.flatMap(([, all]) => all.filter(({ apart }) => !apart));
  const from = nowNs();
  const verdicts = await loadBoth(t, dir, cases);
  const now = { from, to: nowNs() };
  const compared = compareRoots({ path: dir.join("dockerd"), now }, { path: dir.join("ovl"), now });
  for (const [theme, all] of themes) {
    await t.test(theme, async (t) => {
      for (const each of all.filter(({ apart }) => !apart)) {
        await t.test(each.title, () => {
          assertVerdicts(each, verdicts.get(each) as Verdicts);
          assert.deepEqual(differencesOf(each, compared), []);
        });
      }
    });
  }
  await t.test("outside of images and layers", () => assert.deepEqual(compared.store, []));
  await t.test("in images that only dockerd can name, and in leftovers", () => assertNothingElse(cases, compared));
}

/** After the comparison: a daemon that saves writes to the topmost layers. */
async function saveAll(dir: Scratch): Promise<void> {
  await using daemon = await startDockerd(dir.join("ovl"));
  const loaded = [...corpus.values()].flat().filter(({ refused }) => refused === null);
  // dockerd saves no image without layers.
  const imagesOf = (cases: readonly Case[]) =>
    new Map(cases.flatMap(({ images }) => images.map((each) => [each.id, each]))).values();
  const whole = [...imagesOf(loaded.filter(({ lossy }) => !lossy))].filter(({ layers }) => layers.length > 0);
  await assertSaved(daemon, whole, dir.join("saved"));
  for (const { id, names } of imagesOf(loaded.filter(({ lossy }) => lossy))) {
    assert.notEqual((await daemon.docker(["save", "-o", dir.join("lost.tar"), id])).status, 0, names[0]);
  }
}

/** What the tools did with an archive: null where it was loaded, else the refusal. */
interface Verdicts {
  readonly dockerd: string | null;
  readonly ovl: OvlError | null;
  /** ovl said that dockerd could never give a layer back. */
  readonly irreproducible: boolean;
}

/** Both tools side by side, each in the order of the corpus: later archives may build on earlier ones. */
async function loadBoth(t: TestContext, dir: Scratch, cases: readonly Case[]): Promise<Map<Case, Verdicts>> {
  const byDockerd = new Map<Case, string | null>();
  const byOvl = new Map<Case, Omit<Verdicts, "dockerd">>();
  {
    await using daemon = await startDockerd(dir.dir("dockerd"));
    const [dockerdMs, ovlMs] = await Promise.all([
      timed(() => loadAll(daemon, cases, byDockerd)),
      timed(() => pullAll(dir.dir("ovl"), dir.join("archive.tar"), cases, byOvl)),
    ]);
    t.diagnostic(`${cases.length} archives: dockerd took ${dockerdMs} ms, ovl ${ovlMs} ms`);
  }
  return new Map(
    cases.map((each) => [
      each,
      { dockerd: byDockerd.get(each) ?? null, ...(byOvl.get(each) as Omit<Verdicts, "dockerd">) },
    ]),
  );
}

async function loadAll(daemon: Dockerd, cases: readonly Case[], verdicts: Map<Case, string | null>): Promise<void> {
  for (const each of cases) verdicts.set(each, await daemon.load(each.dockerd));
}

async function pullAll(
  root: string,
  archive: string,
  cases: readonly Case[],
  verdicts: Map<Case, Omit<Verdicts, "dockerd">>,
): Promise<void> {
  for (const [i, each] of cases.entries()) {
    writeFileSync(archive, each.archive);
    // Starting threads is most of a small pull's time; every fourth has them for two layers at once. Half of them take
    // a layer through two threads, half through one.
    const answer = await pullFile(root, archive, { jobs: i % 4 === 0 ? 2 : 1, processors: i % 2 === 0 ? 3 : 1 });
    verdicts.set(
      each,
      answer instanceof OvlError
        ? { ovl: answer, irreproducible: false }
        : { ovl: null, irreproducible: answer.warnings.some(({ code }) => code === "IRREPRODUCIBLE") },
    );
  }
}

function assertVerdicts({ refused, lossy }: Case, { dockerd, ovl, irreproducible }: Verdicts): void {
  if (refused === "as-dockerd") {
    assert.equal(ovl === null, dockerd === null, `dockerd: ${dockerd ?? "loads"}; ovl: ${ovl?.message ?? "loads"}`);
  } else if (refused === null) {
    assert.equal(dockerd, null, `dockerd refuses it: ${dockerd}`);
    assert.equal(ovl, null, `ovl refuses it: ${ovl?.code} ${ovl?.message}`);
    assert.equal(irreproducible, lossy, `it ${lossy ? "can never" : "can"} be saved again; ovl says the opposite`);
  } else {
    assert.notEqual(dockerd, null, "dockerd loads it");
    assert.notEqual(ovl, null, "ovl pulls it");
    assert.equal(ovl?.code, refused, ovl?.message ?? "");
  }
}

function differencesOf({ refused, images }: Case, compared: Comparison): string[] {
  if (refused !== null && refused !== "as-dockerd") return [];
  const loaded = refused === null || images.some(({ id }) => compared.images.has(hex(id)));
  if (!loaded) return [];
  return images.flatMap(({ id, diffIds }) => [
    ...(compared.images.get(hex(id)) ?? ["the image is in neither root"]),
    ...chainIds(diffIds).flatMap((chainId, index) =>
      (compared.layers.get(hex(chainId)) ?? ["in neither root"]).map((text) => `layer ${index}: ${text}`),
    ),
  ]);
}

/** Images of legacy archives have configs that dockerd writes; whatever else there is, must be in both roots. */
function assertNothingElse(cases: readonly Case[], compared: Comparison): void {
  const built = cases
    .filter(({ refused }) => refused === null || refused === "as-dockerd")
    .flatMap(({ images }) => images);
  const images = new Set(built.map(({ id }) => hex(id)));
  const layers = new Set(built.flatMap(({ diffIds }) => chainIds(diffIds).map(hex)));
  const others = [
    ...[...compared.images].filter(([id]) => !images.has(id)),
    ...[...compared.layers].filter(([id]) => !layers.has(id)),
  ];
  assert.deepEqual(
    others.filter(([, differences]) => differences.length > 0),
    [],
  );
  const legacy = cases.filter((each) => each.refused === null && each.images.length === 0).length;
  // Each legacy archive of the corpus holds two images, one on top of the other.
  assert.equal(others.length, 4 * legacy);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return Math.round(performance.now() - start);
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

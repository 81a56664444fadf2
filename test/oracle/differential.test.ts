/**
 * Every image of the corpus goes into one root through dockerd and into another through ovl. What the one
 * refuses the other refuses; what both take is the same on disk in everything that can be read from it.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { OvlError } from "../../src/errors.js";
import { type Comparison, compareRoots } from "../support/compare-roots.js";
import { startDockerd } from "../support/dockerd.js";
import { chainIds, hex } from "../support/image-builder.js";
import { oracle } from "../support/oracles.js";
import { pullFile } from "../support/pull.js";
import { type Scratch, scratch } from "../support/tmp.js";
import { type Case, corpus } from "./corpus.js";

/** What a tool did with an archive: null when it loaded it, else how it refused. */
interface Verdicts {
  readonly dockerd: string | null;
  readonly ovl: OvlError | null;
  readonly warnings: readonly string[];
}

test("dockerd and ovl write the same root", { skip: oracle("root", "dockerd", "getfattr") }, async (t) => {
  using dir = scratch("differential");
  const [verdicts, compared] = await loadAll(dir, (each) => !each.apart);
  for (const [theme, cases] of corpus) {
    await t.test(theme, async (t) => {
      for (const each of cases.filter(({ apart }) => !apart)) {
        await t.test(each.title, () => {
          assertVerdicts(each, verdicts.get(each) as Verdicts);
          assert.deepEqual(differencesOf(each, compared), []);
        });
      }
    });
  }
  await t.test("outside of images and layers", () => assert.deepEqual(compared.store, []));
  await t.test("no image and no layer of any other name", () => {
    const [images, layers] = [new Set<string>(), new Set<string>()];
    for (const { refused, images: built } of [...corpus.values()].flat()) {
      if (refused !== null) continue;
      for (const { id, diffIds } of built) {
        images.add(hex(id));
        for (const chainId of chainIds(diffIds)) layers.add(hex(chainId));
      }
    }
    assert.deepEqual(
      [...compared.images.keys()].filter((id) => !images.has(id)),
      [],
    );
    assert.deepEqual(
      [...compared.layers.keys()].filter((id) => !layers.has(id)),
      [],
    );
  });
});

test("both refuse what dockerd leaves half registered", { skip: oracle("root", "dockerd", "getfattr") }, async (t) => {
  using dir = scratch("differential");
  const [verdicts] = await loadAll(dir, (each) => each.apart);
  for (const [each, verdict] of verdicts) await t.test(each.title, () => assertVerdicts(each, verdict));
});

async function loadAll(dir: Scratch, chosen: (each: Case) => boolean): Promise<[Map<Case, Verdicts>, Comparison]> {
  const cases = [...corpus.values()].flat().filter(chosen);
  const [dockerdRoot, ovlRoot] = [dir.dir("dockerd"), dir.dir("ovl")];
  const from = nowNs();
  const dockerd = new Map<Case, string | null>();
  const ovl = new Map<Case, Awaited<ReturnType<typeof pullFile>>>();
  {
    await using daemon = await startDockerd(dockerdRoot);
    const loading = async () => {
      for (const each of cases) {
        const archive = dir.join("dockerd.tar");
        writeFileSync(archive, each.dockerd);
        const { status, stderr } = await daemon.docker(["load", "-q", "-i", archive]);
        dockerd.set(each, status === 0 ? null : stderr);
      }
    };
    const pulling = async () => {
      for (const each of cases) {
        const archive = dir.join("ovl.tar");
        writeFileSync(archive, each.archive);
        ovl.set(each, await pullFile(ovlRoot, archive));
      }
    };
    await Promise.all([loading(), pulling()]);
  }
  const now = { from, to: nowNs() };
  const compared = compareRoots({ path: dockerdRoot, now }, { path: ovlRoot, now });
  const verdicts = cases.map((each): [Case, Verdicts] => {
    const answer = ovl.get(each);
    const [error, warnings] = answer instanceof OvlError ? [answer, []] : [null, answer?.warnings ?? []];
    return [each, { dockerd: dockerd.get(each) ?? null, ovl: error, warnings: warnings.map(({ message }) => message) }];
  });
  return [new Map(verdicts), compared];
}

function assertVerdicts({ refused, lossy }: Case, { dockerd, ovl, warnings }: Verdicts): void {
  if (refused === null) {
    assert.equal(dockerd, null, "dockerd loads it");
    assert.equal(ovl, null, "ovl pulls it");
    assert.equal(warnings.length > 0, lossy, `ovl warns of what cannot be given back: ${warnings.join("; ")}`);
  } else {
    assert.notEqual(dockerd, null, "dockerd refuses it");
    assert.notEqual(ovl, null, "ovl refuses it");
    assert.equal(ovl?.code, refused, ovl?.message ?? "");
  }
}

function differencesOf({ refused, images }: Case, compared: Comparison): string[] {
  if (refused !== null) return [];
  return images.flatMap(({ id, diffIds }) => [
    ...(compared.images.get(hex(id)) ?? ["in neither root"]),
    ...chainIds(diffIds).flatMap((chainId, index) =>
      (compared.layers.get(hex(chainId)) ?? ["in neither root"]).map((text) => `layer ${index}: ${text}`),
    ),
  ]);
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

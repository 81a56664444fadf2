import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { oracle } from "../support/oracles.js";
import { repoRoot } from "../support/repo.js";
import { run } from "../support/run.js";
import { scratch } from "../support/tmp.js";

interface Result {
  readonly contest: string;
  readonly name: string;
  readonly seconds: number;
  readonly peakMiB: number;
}

/** Contests and who else takes part, by what has to be installed for it. */
const PEERS = {
  pull: { dockerd: "docker load", umoci: "umoci unpack", skopeo: "skopeo copy", podman: "podman load" },
  "second pull": {},
  "verify and save": { dockerd: "docker save to /dev/null" },
  "start-up": {},
  scale: {},
  growth: {},
  memory: {},
} as const;

it("npm run bench -- --quick runs every contest, and all of them do the same work", {
  skip: oracle("root", "gnu-tar"),
}, async () => {
  using dir = scratch("bench", 0);
  const main = fileURLToPath(new URL("../../bench/main.js", import.meta.url));
  const { status, stderr } = await run(process.execPath, [main, "--quick", "--json", dir.join("results.json")], {
    cwd: repoRoot,
  });
  assert.equal(status, 0, stderr);
  const results = JSON.parse(readFileSync(dir.join("results.json"), "utf8")) as Result[];
  for (const [contest, peers] of Object.entries(PEERS)) {
    const names = results.filter((result) => result.contest === contest).map(({ name }) => name);
    assert.ok(
      names.some((name) => name.startsWith("ovl") || /^(bytes|files) of a layer/.test(name)),
      contest,
    );
    for (const [program, name] of Object.entries(peers)) {
      if (oracle(program as "dockerd") === false) assert.ok(names.includes(name), `${contest}: ${name} is missing`);
    }
  }
  for (const { name, seconds, peakMiB } of results) assert.ok(seconds > 0 && peakMiB >= 0, name);
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { repoPath } from "../support/repo.js";

it(".ci/run installs the Debian package of every tool that a test may ask for", () => {
  const script = readFileSync(repoPath(".ci/run"), "utf8");
  const installed = /^packages=\(([^)]*)\)$/m.exec(script)?.[1]?.trim().split(/\s+/) ?? [];
  const oracles = readFileSync(repoPath("test/support/oracles.ts"), "utf8");
  const table = /const COMMANDS = \{([^}]*)\}/.exec(oracles)?.[1] ?? "";
  const needed = [...table.matchAll(/: "([^"]+)"/g)].map(([, name]) => name as string);
  assert.ok(needed.length > 5);
  assert.deepEqual(
    needed.filter((name) => !installed.includes(name)),
    [],
  );
});

/** docs/fsck.md lists every code with what the program says of it, in its order. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { FSCK_CODES } from "../../src/audit/fsck-codes.js";
import { repoPath } from "../support/repo.js";
import { DEEP_FAULTS } from "./deep-faults.js";
import { DIRECTORY_FAULTS, FAULTS } from "./faults.js";

describe("docs/fsck.md", () => {
  const text = readFileSync(repoPath("docs/fsck.md"), "utf8");

  it("has a line for each code, as the program has it", () => {
    const rows = text.split("\n").filter((line) => /^\| `[A-Z_]+` \|/.test(line));
    const expected = Object.entries(FSCK_CODES).map(
      ([code, { severity, what, repair }]) => `| \`${code}\` | ${severity} | ${what} | ${repair ?? "—"} |`,
    );
    assert.deepEqual(rows, expected);
  });

  it("shows the five published cases", () => {
    for (const issue of ["moby#45939", "moby#44909", "moby#36135", "moby#23184", "docker/for-linux#1307"]) {
      assert.ok(text.includes(`[${issue}](`), issue);
    }
  });

  it("lists no code that no test meets: by an edited file, or in a test of its own", () => {
    const met = new Set<string>([...FAULTS, ...DIRECTORY_FAULTS, ...DEEP_FAULTS].map(({ code }) => code));
    const unmet = Object.keys(FSCK_CODES).filter((code) => !met.has(code));
    // A mount, a second container, another user, another driver.
    const special = ["test/audit/special.test.ts", "test/oracle/fsck-overlay.test.ts"];
    const text = special.map((path) => readFileSync(repoPath(path), "utf8")).join();
    assert.deepEqual(
      unmet.filter((code) => !text.includes(code)),
      [],
    );
  });
});

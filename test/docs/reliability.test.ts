/** docs/reliability.md names tests that there are, and the table of each promise is whole. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { repoPath } from "../support/repo.js";

const text = readFileSync(repoPath("docs/reliability.md"), "utf8");
const rows = text.split("\n").filter((line) => /^\| (?!promise|---)/.test(line));

describe("docs/reliability.md", () => {
  it("names tests that are there, linked under their own names", () => {
    const named = [...text.matchAll(/test\/[\w./-]+\.test\.ts/g)].map(([path]) => path);
    assert.ok(named.length > 10);
    assert.deepEqual(
      named.filter((path) => !existsSync(repoPath(path))),
      [],
    );
    const links = [...text.matchAll(/\[(test\/[^\]]+)\]\(([^)]+)\)/g)];
    assert.deepEqual(
      links.filter(([, name, target]) => target !== `../${name}`).map(([link]) => link),
      [],
    );
  });

  it("has a test for every promise", () => {
    assert.ok(rows.length > 5);
    for (const row of rows) {
      const cells = row.split(/(?<!\\)\|/).slice(1, -1);
      assert.equal(cells.length, 3, row);
      assert.match(cells[1] as string, /\]\(\.\.\/test\/[^)]+\.test\.ts\)/, row);
    }
  });
});

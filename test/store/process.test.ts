import assert from "node:assert/strict";
import { test } from "node:test";
import { processLives } from "../../src/store/process.js";

const here = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();

test("a process lives as a container's if it began before the container was noted as started", () => {
  assert.equal(processLives({ Pid: process.pid, StartedAt: here(0) }), true);
  assert.equal(processLives({ Pid: process.pid }), true, "where nobody says when");
  assert.equal(processLives({ Pid: process.pid, StartedAt: here(-3600) }), false, "a number taken by another");
  assert.equal(processLives({ Pid: process.pid, StartedAt: "2020-01-01T00:00:00Z" }), false, "another machine's root");
  for (const Pid of [0, -1, 1.5, 2 ** 22 + 1, "1", null])
    assert.equal(processLives({ Pid, StartedAt: here(0) }), false);
  for (const state of [null, undefined, [], "x"]) assert.equal(processLives(state), false);
});

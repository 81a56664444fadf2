import assert from "node:assert/strict";
import { test } from "node:test";
import { statusText } from "../../src/cli/views/containers.js";
import { stateOf } from "../../src/container/state.js";
import type { Container } from "../../src/store/mounts.js";

function stateIn(State: unknown, running = false) {
  const container: Container = {
    id: "0".repeat(64),
    name: "x",
    imageId: null,
    running,
    mount: null,
    config: { State },
  };
  const state = stateOf(container);
  return [state.status, statusText(state), state.stale];
}

const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
const NEVER = "0001-01-01T00:00:00Z";

test("states are called and described as docker does", () => {
  const started = ago(7200);
  for (const [state, running, status, text, stale] of [
    [{ StartedAt: NEVER, FinishedAt: NEVER }, false, "created", "Created", false],
    [undefined, false, "created", "Created", false],
    [{ Running: true, Pid: 1, StartedAt: started }, true, "running", "Up 2 hours", false],
    [{ Running: true, Paused: true, StartedAt: started }, true, "paused", "Up 2 hours (Paused)", false],
    [
      { Running: true, Restarting: true, ExitCode: 3, FinishedAt: ago(3) },
      true,
      "restarting",
      "Restarting (3) 3 seconds ago",
      false,
    ],
    [{ Running: true, StartedAt: started, ExitCode: 9 }, false, "exited", "Exited (process gone)", true],
    [
      { StartedAt: started, FinishedAt: ago(60), ExitCode: 137 },
      false,
      "exited",
      "Exited (137) About a minute ago",
      false,
    ],
    [{ StartedAt: started, FinishedAt: NEVER }, false, "exited", "", false],
    [{ Dead: true, StartedAt: started }, false, "dead", "Dead", false],
    [{ RemovalInProgress: true, Dead: true }, false, "removing", "Removal In Progress", false],
    [
      { Running: true, StartedAt: started, Health: { Status: "starting" } },
      true,
      "running",
      "Up 2 hours (health: starting)",
      false,
    ],
    [{ Running: true, StartedAt: started, Health: { Status: "" } }, true, "running", "Up 2 hours (unhealthy)", false],
  ] as const) {
    assert.deepEqual(stateIn(state, running), [status, text, stale]);
  }
});

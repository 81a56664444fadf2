/** What a container is doing, from `State` in its config.v2.json (moby container/state.go, `StateString`). */
import { isJsonObject, type JsonObject, objectOf } from "../model/go-shape.js";
import { formatRfc3339, parseRfc3339, ZERO_TIME } from "../model/time.js";
import type { Container } from "../store/mounts.js";

export type Status = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

export interface ContainerState {
  readonly status: Status;
  /** Marked as running, but its process is gone: the next dockerd notes that it has exited. */
  readonly stale: boolean;
  readonly pid: number;
  readonly exitCode: number;
  /** RFC 3339; null for never. */
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** `healthy`, `unhealthy`, `starting`; null where nothing checks it. */
  readonly health: string | null;
}

export function stateOf({ config, running }: Container): ContainerState {
  const state = objectOf(config["State"]);
  const stale = state["Running"] === true && !running;
  const startedAt = timeOf(state["StartedAt"]);
  return {
    status: statusOf(state, running, startedAt !== null),
    stale,
    pid: running ? numberOf(state["Pid"]) : 0,
    exitCode: stale ? 0 : numberOf(state["ExitCode"]),
    startedAt,
    finishedAt: timeOf(state["FinishedAt"]),
    health: healthOf(state["Health"]),
  };
}

function statusOf(state: JsonObject, running: boolean, started: boolean): Status {
  if (running) return state["Paused"] === true ? "paused" : state["Restarting"] === true ? "restarting" : "running";
  // Kept in memory only, but written along when a removal fails half-way.
  if (state["RemovalInProgress"] === true) return "removing";
  if (state["Dead"] === true) return "dead";
  return started ? "exited" : "created";
}

/** An empty status is what a daemon writes before it checks for the first time; moby reads it as unhealthy. */
function healthOf(health: unknown): string | null {
  if (!isJsonObject(health)) return null;
  const status = health["Status"];
  return typeof status === "string" && status !== "" ? status : "unhealthy";
}

function timeOf(value: unknown): string | null {
  const time = typeof value === "string" ? parseRfc3339(value) : null;
  const text = time === null ? ZERO_TIME : formatRfc3339(time);
  return text === ZERO_TIME ? null : text;
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

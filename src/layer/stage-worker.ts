/** Entry point of a worker thread: runs one stage after another, each to its end. */
import { parentPort } from "node:worker_threads";
import { asOvlError } from "../errors.js";
import type { StageAnswer, StageJob } from "./job.js";
import { Ring, RingAborted } from "./ring.js";
import { run } from "./stages.js";

const port = parentPort;
if (port === null) throw new Error("stage-worker runs as a worker thread only");

port.on("message", async (job: StageJob) => {
  port.postMessage(await answer(job));
});

async function answer(job: StageJob): Promise<StageAnswer> {
  try {
    return { ok: true, outcome: await run(job) };
  } catch (error) {
    if (job.stage !== "whole") new Ring(job.ring).abort();
    return { ok: false, error: asOvlError(error).toData(), aborted: error instanceof RingAborted };
  }
}

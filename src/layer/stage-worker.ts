/** Entry point of a worker thread: runs one stage after another, each to its end. */
import { parentPort } from "node:worker_threads";
import { loadCrc64 } from "../blob/crc64.js";
import { asOvlError } from "../errors.js";
import { check } from "./check.js";
import { decode } from "./decode.js";
import { extract } from "./extract.js";
import type { LayerOutcome, StageAnswer, StageJob } from "./job.js";
import { Ring, RingAborted } from "./ring.js";

const port = parentPort;
if (port === null) throw new Error("stage-worker runs as a worker thread only");

port.on("message", async (job: StageJob) => {
  port.postMessage(await answer(job));
});

async function answer(job: StageJob): Promise<StageAnswer> {
  try {
    return { ok: true, outcome: await run(job) };
  } catch (error) {
    new Ring(job.ring).abort();
    return { ok: false, error: asOvlError(error).toData(), aborted: error instanceof RingAborted };
  }
}

async function run(job: StageJob): Promise<LayerOutcome | null> {
  switch (job.stage) {
    case "decode":
      decode(job);
      return null;
    case "extract":
      return extract(job, await loadCrc64());
    case "check":
      return check(job);
  }
}

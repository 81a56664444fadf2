/** Entry point of a worker thread: runs one stage after another, each to its end. */
import { parentPort } from "node:worker_threads";
import { loadCrc64 } from "../blob/crc64.js";
import { asOvlError } from "../errors.js";
import type { FirstOutcome, SecondOutcome, StageAnswer, StageJob } from "./job.js";
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

// Each stage is loaded by the thread that runs it: a thread stays at the stage it has begun with.
async function run(job: StageJob): Promise<FirstOutcome | SecondOutcome> {
  switch (job.stage) {
    case "decode":
      return (await import("./decode.js")).decode(job);
    case "assemble":
      return (await import("./assemble.js")).assemble(job, await loadCrc64());
    case "pack":
      return (await import("./pack.js")).pack(job);
    case "extract":
      return (await import("./extract.js")).extract(job, await loadCrc64());
    case "check":
      return (await import("./check.js")).check(job);
    case "list":
      return (await import("./list.js")).list(job, await loadCrc64());
    case "write":
      return (await import("./write.js")).write(job);
  }
}

/** The stages of a layer, each loaded by the thread that runs it: alone beside the other one's, or both in one. */
import type { ByteSource } from "../blob/byte-source.js";
import { loadCrc64 } from "../blob/crc64.js";
import type {
  FirstJob,
  FirstOutcome,
  Given,
  LayerOutcome,
  SecondJob,
  SecondOutcome,
  StageJob,
  WholeJob,
} from "./job.js";
import { gathered, intoRing, stoppable } from "./passing.js";
import { Ring } from "./ring.js";

export async function run(job: StageJob): Promise<FirstOutcome | SecondOutcome> {
  switch (job.stage) {
    case "whole":
      return whole(job);
    case "decode":
      return (await import("./decode.js")).decodeIntoRing(job);
    case "assemble":
    case "pack": {
      const give = await loadFirst(job);
      return give((tar) => intoRing(tar, new Ring(job.ring))).outcome;
    }
    case "extract":
    case "check":
    case "list":
    case "write": {
      const take = await loadSecond(job);
      return take(new Ring(job.ring).source());
    }
  }
}

/**
 * The bytes stay in the caches of one processor, and no thread waits for another. The tar itself can be stopped, too: a
 * few bytes of a blob may become gigabytes of it.
 */
async function whole({ first, second }: WholeJob): Promise<LayerOutcome> {
  const give = await loadFirst(first);
  const take = await loadSecond(second);
  const ring = new Ring(first.ring);
  const { outcome, taken } = give((tar) => take(stoppable(gathered(tar), ring)));
  return { ...outcome, ...taken };
}

type Give = <T>(consume: (tar: ByteSource) => T) => Given<T>;

async function loadFirst(job: FirstJob): Promise<Give> {
  switch (job.stage) {
    case "decode": {
      const { decoded } = await import("./decode.js");
      return (consume) => decoded(job, consume);
    }
    case "assemble": {
      const { assembled } = await import("./assemble.js");
      const newCrc64 = await loadCrc64();
      return (consume) => assembled(job, newCrc64, consume);
    }
    case "pack": {
      const { packed } = await import("./pack.js");
      return (consume) => packed(job, consume);
    }
  }
}

async function loadSecond(job: SecondJob): Promise<(tar: ByteSource) => SecondOutcome> {
  switch (job.stage) {
    case "extract": {
      const { extract } = await import("./extract.js");
      const newCrc64 = await loadCrc64();
      return (tar) => extract(job, tar, newCrc64);
    }
    case "check": {
      const { check } = await import("./check.js");
      return (tar) => check(job, tar);
    }
    case "list": {
      const { list } = await import("./list.js");
      const newCrc64 = await loadCrc64();
      return (tar) => list(job, tar, newCrc64);
    }
    case "write": {
      const { write } = await import("./write.js");
      return (tar) => write(job, tar);
    }
  }
}

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
import { gathered, intoRing } from "./passing.js";
import { Ring } from "./ring.js";

export async function run(job: StageJob): Promise<FirstOutcome | SecondOutcome | LayerOutcome> {
  switch (job.stage) {
    case "whole":
      return whole(job);
    case "decode":
      return (await import("./decode.js")).decode(job);
    case "assemble":
    case "pack": {
      const first = await loadFirst(job);
      return first((tar) => intoRing(tar, new Ring(job.ring))).outcome;
    }
    default:
      return (await loadSecond(job))(new Ring(job.ring).source());
  }
}

/** The bytes stay in the caches of one processor, and no thread waits for another. */
async function whole({ first, second }: WholeJob): Promise<LayerOutcome> {
  const [give, take] = [await loadFirst(first), await loadSecond(second)];
  const { outcome, taken } = give(take);
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
      const [{ assembled }, newCrc64] = [await import("./assemble.js"), await loadCrc64()];
      return (consume) => assembled(job, newCrc64, (tar) => consume(gathered(tar)));
    }
    case "pack": {
      const { packed } = await import("./pack.js");
      return (consume) => packed(job, (tar) => consume(gathered(tar)));
    }
  }
}

async function loadSecond(job: SecondJob): Promise<(tar: ByteSource) => SecondOutcome> {
  switch (job.stage) {
    case "extract": {
      const [{ extract }, newCrc64] = [await import("./extract.js"), await loadCrc64()];
      return (tar) => extract(job, tar, newCrc64);
    }
    case "check": {
      const { check } = await import("./check.js");
      return (tar) => check(job, tar);
    }
    case "list": {
      const [{ list }, newCrc64] = [await import("./list.js"), await loadCrc64()];
      return (tar) => list(job, tar, newCrc64);
    }
    case "write": {
      const { write } = await import("./write.js");
      return (tar) => write(job, tar);
    }
  }
}

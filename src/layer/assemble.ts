/** First stage of a stored layer: tar-split and the files below `diff` in, the original tar's bytes out. */
import type { ByteSource } from "../blob/byte-source.js";
import type { Crc64 } from "../blob/crc64.js";
import { ByteLimit } from "../blob/limit.js";
import { displayName } from "../model/bytes.js";
import { Assembly, type AssemblyProblem } from "../tar-split/assemble.js";
import { decodeSplit } from "../tar-split/decode.js";
import { Jail } from "./jail.js";
import type { AssembleJob, Given, LayerDamage } from "./job.js";
import { openLayerFile } from "./layer-file.js";
import { counted, limited } from "./passing.js";
import { Ring } from "./ring.js";
import { openSplit } from "./split-file.js";

/** Damages named one by one; a layer whose directory is gone has as many as it has files. */
const MAX_DAMAGES = 1000;

/** Throws BAD_ROOT where tar-split cannot be read; files that are not what they were are in the outcome. */
export function assembled<T>(job: AssembleJob, newCrc64: () => Crc64, consume: (tar: ByteSource) => T): Given<T> {
  const damages: LayerDamage[] = [];
  using split = openSplit(job.tarSplit);
  using jail = new Jail(job.directory);
  using tar = new Assembly({
    entries: decodeSplit(split, job.tarSplit),
    open: (name) => openLayerFile(jail, name),
    newCrc64,
    onProblem: (problem) => {
      if (damages.length < MAX_DAMAGES) damages.push(damage(problem, job.subject));
    },
  });
  const limit = new ByteLimit(job.maxBytes, job.subject);
  const taken = consume(limited(counted(tar, new Ring(job.ring)), limit));
  return { outcome: { damages }, taken };
}

function damage(problem: AssemblyProblem, subject: string): LayerDamage {
  const path = displayName(problem.name);
  switch (problem.kind) {
    case "unreadable": {
      const { code, message, fields } = problem.error;
      return {
        code,
        path,
        expected: "a readable file",
        actual: String(fields["actual"] ?? fields["errno"] ?? code),
        message: `${message} (${subject})`,
      };
    }
    case "content": {
      const { expected, found, expectedSize, foundSize } = problem;
      return {
        code: "DIGEST_MISMATCH",
        path,
        expected: expected === found ? `${expectedSize} bytes` : `crc64:${expected}`,
        actual: expected === found ? `${foundSize} bytes` : `crc64:${found}`,
        message: `"${path}" of ${subject} was changed: expected crc64 ${expected} (${expectedSize} bytes), found ${found} (${foundSize} bytes)`,
      };
    }
  }
}

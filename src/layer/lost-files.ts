/**
 * Files whose content docker looks for in vain when it gives a layer back: replaced by a later entry of the same
 * layer, or behind a symlink that leads out of it. What the headers tell is found while they are read; this is
 * for layers whose application showed that the headers do not tell everything.
 */
import type { Crc64 } from "../blob/crc64.js";
import { OvlError } from "../errors.js";
import { type ByteString, displayName } from "../model/bytes.js";
import { Assembly } from "../tar-split/assemble.js";
import { decodeSplit } from "../tar-split/decode.js";
import { MAX_FINDINGS } from "../tar-split/disassemble.js";
import { Jail } from "./jail.js";
import type { ExtractJob } from "./job.js";
import { openLayerFile } from "./layer-file.js";
import { stoppable } from "./passing.js";
import { Ring } from "./ring.js";
import { openSplit } from "./split-file.js";

/**
 * Names as in the archive, the first MAX_FINDINGS of them. Reads the whole layer again; RingAborted once called off.
 */
export function lostFiles({ tarSplit, directory, ring }: ExtractJob, newCrc64: () => Crc64): ByteString[] {
  const lost: ByteString[] = [];
  using jail = new Jail(directory, (path) => {
    throw new OvlError("PATH_ESCAPE", `"${displayName(path)}" leads out of the layer`);
  });
  using split = openSplit(tarSplit);
  using assembly = new Assembly({
    entries: decodeSplit(split, tarSplit),
    open: (name) => openLayerFile(jail, name),
    newCrc64,
    onProblem: ({ name }) => void (lost.length < MAX_FINDINGS && lost.push(name)),
  });
  const tar = stoppable(assembly, new Ring(ring));
  while (tar.read() !== null);
  return lost;
}

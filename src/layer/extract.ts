/**
 * Second stage of a layer: tar bytes in; files below `diff`, tar-split.json.gz and the DiffID out.
 */
import { closeSync, openSync } from "node:fs";
import type { ByteSource } from "../blob/byte-source.js";
import type { Crc64 } from "../blob/crc64.js";
import { writeFully } from "../blob/file-sink.js";
import { ByteLimit } from "../blob/limit.js";
import { hashing } from "../blob/verify.js";
import { isAboutContent, OvlError } from "../errors.js";
import { type ByteString, displayName } from "../model/bytes.js";
import type { DiffId } from "../model/digest.js";
import { SplitReader, type SplitSummary } from "../tar-split/disassemble.js";
import { type Irreproducible, reasonText } from "../tar-split/irreproducible.js";
import { TarSplitWriter } from "../tar-split/writer.js";
import { LayerApplier } from "./apply.js";
import { asDiffId, diffIdMismatch } from "./check.js";
import type { ExtractJob, LayerWarning, SecondOutcome } from "./job.js";
import { lostFiles } from "./lost-files.js";
import { Ring, RingAborted } from "./ring.js";

/** Throws DIFF_ID_MISMATCH before anything else that is wrong: bytes that are not the layer's explain the rest. */
export function extract(job: ExtractJob, source: ByteSource, newCrc64: () => Crc64): SecondOutcome {
  const tar = hashing(source);
  const readToEnd = () => {
    while (tar.read() !== null);
    return asDiffId(tar.digest());
  };
  let extracted: ReturnType<typeof extractTar>;
  try {
    extracted = extractTar(tar, job, newCrc64);
  } catch (error) {
    if (error instanceof RingAborted || !isAboutContent(error)) throw error;
    const diffId = readToEnd();
    throw job.diffId === null || diffId === job.diffId ? error : diffIdMismatch(job.diffId, diffId, error);
  }
  const { applied, split } = extracted;
  const diffId = readToEnd();
  if (job.diffId !== null && diffId !== job.diffId) throw diffIdMismatch(job.diffId, diffId);
  const lost = applied.disturbed ? lostFiles(job, newCrc64) : [];
  const warnings = [...applied.warnings, ...unreproducible(split, lost, diffId, job.strict)];
  return { diffId, tarBytes: tar.bytes, size: applied.size, entries: split.entries, warnings, written: null };
}

function extractTar(tar: ReturnType<typeof hashing>, job: ExtractJob, newCrc64: () => Crc64) {
  const fd = openSync(job.tarSplit, "wx", 0o644);
  try {
    const sink = { fd, file: job.tarSplit };
    using file = new TarSplitWriter((bytes) => writeFully(sink, bytes, null));
    const split = new SplitReader(tar, file, newCrc64);
    const ring = new Ring(job.ring);
    const onStep = () => ring.throwIfCancelled();
    using applier = new LayerApplier(job.directory, { strict: job.strict, onStep });
    const limit = new ByteLimit(job.maxBytes, "the content of a layer");
    for (let entry = split.next(); entry !== null; entry = split.next()) {
      // Holes of sparse files are not in the tar's own size.
      if (entry.type === "file") limit.add(entry.size);
      applier.apply(entry, split.payload());
    }
    const summary = split.finish();
    const applied = applier.finish();
    file.end();
    return { applied, split: summary };
  } finally {
    closeSync(fd);
  }
}

/** What docker accepts but could never give back: a warning for each, or under `strict` the end. */
function unreproducible(
  split: SplitSummary,
  lost: readonly ByteString[],
  diffId: DiffId,
  strict: boolean,
): LayerWarning[] {
  const known = new Set(split.irreproducible.map(({ name }) => name));
  const replaced = lost
    .filter((name) => !known.has(name))
    .map((name): Irreproducible => ({ name, reason: "replaced" }));
  return [...split.irreproducible, ...replaced].map(({ name, reason }) => {
    const shown = displayName(name);
    const message = `"${shown}" in layer ${diffId} cannot be given back bit for bit: ${reasonText(reason)}`;
    if (strict) throw new OvlError("BAD_TAR", `${message}; pull without --strict to take it`, { path: shown, reason });
    return { code: "IRREPRODUCIBLE", name: shown, message, count: 1 };
  });
}

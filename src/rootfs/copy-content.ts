/** Content of a file copied, its holes kept. */
import { fstatSync, ftruncateSync } from "node:fs";
import { type FileSink, writeFully } from "../blob/file-sink.js";
import { fileSource } from "../blob/file-source.js";
import { nextData } from "../sys/sparse.js";
import type { Content } from "./content.js";

/** Below this a hole is not worth looking for. */
const MIN_SPARSE = 64 * 1024;
/** What st_blocks counts in, whatever the filesystem's blocks are. */
const BLOCK = 512;

/** Yields after every chunk, so that the caller can be interrupted. @param to open for writing, empty */
export function* copyContent(from: Content, to: FileSink): Generator<void, void, undefined> {
  const stat = fstatSync(from.fd);
  if (stat.size >= MIN_SPARSE && stat.blocks * BLOCK < stat.size) return yield* copySparse(from.fd, stat.size, to);
  for (let bytes = from.read(); bytes !== null; bytes = from.read()) {
    writeFully(to, bytes, null);
    yield;
  }
}

function* copySparse(fd: number, size: number, to: FileSink): Generator<void, void, undefined> {
  for (let data = nextData(fd, 0); data !== null; data = nextData(fd, data.end)) {
    const source = fileSource({ fd, offset: data.start, size: data.end - data.start });
    let at = data.start;
    for (let bytes = source.read(); bytes !== null; bytes = source.read()) {
      writeFully(to, bytes, at);
      at += bytes.length;
      yield;
    }
  }
  ftruncateSync(to.fd, size);
}

/**
 * Sparse files: the map of where data lies (GNU type `S`, PAX 0.0, 0.1 and 1.0), and the file as it is
 * when the holes are filled. Accepted and refused as Go's archive/tar (1.19) does.
 */
import type { ByteSource } from "../blob/byte-source.js";
import type { ByteString } from "../model/bytes.js";
import { BLOCK, type Draft, type Fail, FLAG, isGnu, isHeaderOnly, number } from "./header.js";
import { decimal, numeric } from "./numbers.js";
import type { PaxRecords } from "./pax.js";

/** A stretch of data, in bytes of the expanded file. */
export interface Fragment {
  readonly offset: number;
  readonly length: number;
}

/** Blocks of the archive, for maps that are not in the header. Throws when it is truncated. */
export interface MapBlocks {
  /** The next block of the entry's payload. */
  payload(): Buffer;
  /** The next block of the archive, which counts as header. */
  header(): Buffer;
}

/**
 * A map is held in memory, and Go sets no bound to it. Real ones have some thousand fragments; this one is
 * 16 MiB of memory and stops an archive that is nothing but map.
 */
const MAX_FRAGMENTS = 1 << 20;

/**
 * The map of a sparse file, null for any other entry. Name and size of the draft become those of the
 * expanded file.
 * @param block the entry's header block
 */
export function sparseMap(
  header: Draft,
  records: PaxRecords | null,
  block: Buffer,
  blocks: MapBlocks,
  fail: Fail,
): Fragment[] | null {
  const map =
    header.typeFlag === FLAG.GNU_SPARSE ? gnuMap(header, block, blocks, fail) : paxMap(header, records, blocks, fail);
  if (map === null) return null;
  if (isHeaderOnly(header.type) || !isValid(map, header.size)) throw fail("invalid header: impossible sparse map");
  return map;
}

const HOLE = new Uint8Array(64 * 1024);

/** The expanded file. `data` has the fragments' bytes one after the other, and must have no more and no fewer. */
export function expand(
  data: (max: number) => Uint8Array | null,
  map: Fragment[],
  size: number,
  fail: Fail,
): ByteSource {
  const fragments = map.filter((fragment) => fragment.length > 0);
  let next = 0;
  let at = 0;
  return {
    read() {
      if (at === size) {
        if (data(1) !== null) throw fail("sparse file has more data than its map");
        return null;
      }
      while (next < fragments.length && at >= endOf(fragments[next] as Fragment)) next++;
      const fragment = fragments[next];
      if (fragment === undefined || at < fragment.offset) {
        const length = Math.min((fragment?.offset ?? size) - at, HOLE.length);
        at += length;
        return HOLE.subarray(0, length);
      }
      const bytes = data(endOf(fragment) - at);
      if (bytes === null) throw fail("sparse file has less data than its map");
      at += bytes.length;
      return bytes;
    },
  };
}

/** Four fragments in the header, 21 in every block that follows while a flag says so. */
function gnuMap(header: Draft, block: Buffer, blocks: MapBlocks, fail: Fail): Fragment[] {
  if (!isGnu(block)) throw fail("invalid header: type S without GNU magic");
  header.size = number(numeric(block, 483, 12), "real size", fail);
  const map: Fragment[] = [];
  let part = block;
  let from = 386;
  for (let slots = 4; ; slots = 21) {
    for (let i = 0; i < slots; i++) {
      const at = from + 24 * i;
      if (part[at] === 0) break;
      const offset = number(numeric(part, at, 12), "sparse map", fail);
      add(map, offset, number(numeric(part, at + 12, 12), "sparse map", fail), fail);
    }
    if (part[from + 24 * slots] === 0) return map;
    part = blocks.header();
    from = 0;
  }
}

function paxMap(header: Draft, records: PaxRecords | null, blocks: MapBlocks, fail: Fail): Fragment[] | null {
  const version = records === null ? null : paxVersion(records);
  if (records === null || version === null) return null;
  const name = records.get("GNU.sparse.name");
  // Only here, as Go does not look at it in other files.
  if (name?.includes("\0")) throw fail("invalid PAX record: NUL in its text");
  if (name) header.name = name as ByteString;
  const size = records.get("GNU.sparse.size") || records.get("GNU.sparse.realsize");
  if (size) header.size = integer(size, fail);
  return version === "1.0" ? payloadMap(blocks, fail) : recordMap(records, fail);
}

function paxVersion(records: PaxRecords): "0.x" | "1.0" | null {
  const major = records.get("GNU.sparse.major") ?? "";
  const minor = records.get("GNU.sparse.minor") ?? "";
  if (major === "0" && (minor === "0" || minor === "1")) return "0.x";
  if (major === "1" && minor === "0") return "1.0";
  if (major !== "" || minor !== "") return null;
  return records.get("GNU.sparse.map") ? "0.x" : null;
}

/** Formats 0.0 and 0.1: `offset,length,offset,length…` in one record, their number in another. */
function recordMap(records: PaxRecords, fail: Fail): Fragment[] {
  const count = integer(records.get("GNU.sparse.numblocks") ?? "", fail);
  const list = records.get("GNU.sparse.map") ?? "";
  const numbers = list === "" ? [] : list.split(",");
  if (count < 0 || numbers.length !== 2 * count) throw fail("invalid header: sparse map of the wrong length");
  const map: Fragment[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    add(map, integer(numbers[i] as string, fail), integer(numbers[i + 1] as string, fail), fail);
  }
  return map;
}

/** Format 1.0: lines of decimal numbers at the start of the payload, padded to a block. */
function payloadMap(blocks: MapBlocks, fail: Fail): Fragment[] {
  let block = blocks.payload();
  let at = 0;
  const line = (): number => {
    for (let head = ""; ; ) {
      const end = block.indexOf(0x0a, at);
      // Longer than any number that 64 bits hold, zeros in front included.
      if (head.length > 2 * BLOCK) throw fail("invalid header: sparse map without end");
      if (end >= 0) {
        const value = integer(head + block.toString("latin1", at, end), fail);
        at = end + 1;
        return value;
      }
      head += block.toString("latin1", at);
      block = blocks.payload();
      at = 0;
    }
  };
  const count = line();
  if (count < 0) throw fail("invalid header: sparse map of negative length");
  const map: Fragment[] = [];
  for (let i = 0; i < count; i++) {
    const offset = line();
    add(map, offset, line(), fail);
  }
  return map;
}

function add(map: Fragment[], offset: number, length: number, fail: Fail): void {
  if (map.length === MAX_FRAGMENTS) throw fail(`sparse map of more than ${MAX_FRAGMENTS} fragments`);
  map.push({ offset, length });
}

function integer(text: string, fail: Fail): number {
  return number(decimal(text), "sparse map", fail);
}

/** In order, not overlapping, inside the file. */
function isValid(map: readonly Fragment[], size: number): boolean {
  let end = 0;
  for (const fragment of map) {
    if (fragment.offset < end || fragment.length < 0 || endOf(fragment) > size) return false;
    end = endOf(fragment);
  }
  return size >= 0;
}

function endOf(fragment: Fragment): number {
  return fragment.offset + fragment.length;
}

/**
 * The keys of a bolt database (go.etcd.io/bbolt), as dockerd, containerd and BuildKit keep what they know. Pages that
 * were given up keep their bytes, so only what the newest meta page leads to counts.
 */

const MAGIC = 0xed0cdaed;
const HEADER = 16;
const ELEMENT = 16;
const META_SIZE = 56;
const BRANCH = 0x01;
const LEAF = 0x02;
const IS_BUCKET = 0x01;

export interface BoltEntry {
  /** The key of the bucket that it is in; null at the top. */
  readonly bucket: Buffer | null;
  readonly key: Buffer;
  /** A bucket's is its own header, and a small bucket's its page. */
  readonly value: Buffer;
}

/** Every key of every bucket, whatever its depth; null for what is no such database, or a damaged one. */
export function boltEntries(file: Buffer): BoltEntry[] | null {
  try {
    const meta = newestMeta(file);
    return meta === null ? null : [...new Walk(file, meta.pageSize).pages(meta.root, null)];
  } catch (thrown) {
    if (thrown instanceof RangeError) return null;
    throw thrown;
  }
}

/** Of the two meta pages, written in turn, the later one that was written wholly. */
function newestMeta(file: Buffer): { readonly pageSize: number; readonly root: number } | null {
  const first = readMeta(file, 0);
  // A first one that was cut off does not say how long it is.
  const sizes = first === null ? [4096, 8192, 16384, 65536] : [first.pageSize];
  const metas = [first, ...sizes.map((size) => readMeta(file, size))].filter((meta) => meta !== null);
  return metas.sort((a, b) => Number(b.transaction - a.transaction))[0] ?? null;
}

function readMeta(file: Buffer, page: number): { pageSize: number; root: number; transaction: bigint } | null {
  const at = page + HEADER;
  if (at + META_SIZE + 8 > file.length || file.readUInt32LE(at) !== MAGIC) return null;
  if (fnv1a(file.subarray(at, at + META_SIZE)) !== file.readBigUInt64LE(at + META_SIZE)) return null;
  return {
    pageSize: file.readUInt32LE(at + 8),
    root: Number(file.readBigUInt64LE(at + 16)),
    transaction: file.readBigUInt64LE(at + 48),
  };
}

class Walk {
  readonly #file: Buffer;
  readonly #pageSize: number;
  readonly #seen = new Set<number>();

  constructor(file: Buffer, pageSize: number) {
    this.#file = file;
    this.#pageSize = pageSize;
  }

  /** The page of this number, and what it leads to. Throws RangeError for what no database has. */
  *pages(number: number, bucket: Buffer | null): Generator<BoltEntry> {
    if (this.#seen.has(number)) throw new RangeError(`page ${number} is there twice`);
    this.#seen.add(number);
    yield* this.#page(this.#file.subarray(number * this.#pageSize), bucket);
  }

  *#page(page: Buffer, bucket: Buffer | null): Generator<BoltEntry> {
    const [kind, count] = [page.readUInt16LE(8), page.readUInt16LE(10)];
    for (let i = 0; i < count; i++) {
      const element = page.subarray(HEADER + i * ELEMENT);
      if (kind === BRANCH) yield* this.pages(Number(element.readBigUInt64LE(8)), bucket);
      else if (kind === LEAF) yield* this.#leaf(element, bucket);
      else throw new RangeError(`${kind} is no kind of page with keys`);
    }
  }

  *#leaf(element: Buffer, bucket: Buffer | null): Generator<BoltEntry> {
    const [at, keySize, valueSize] = [element.readUInt32LE(4), element.readUInt32LE(8), element.readUInt32LE(12)];
    if (at + keySize + valueSize > element.length) throw new RangeError("a key ends behind the file");
    const key = element.subarray(at, at + keySize);
    const value = element.subarray(at + keySize, at + keySize + valueSize);
    yield { bucket, key, value };
    if (element.readUInt32LE(0) !== IS_BUCKET) return;
    const root = Number(value.readBigUInt64LE(0));
    // A small bucket is a page within the value.
    if (root === 0) yield* this.#page(value.subarray(16), key);
    else yield* this.pages(root, key);
  }
}

function fnv1a(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

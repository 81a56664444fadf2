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

/**
 * Keys that are read of a database: those of an old build host are some ten thousand. Pages within values can lie upon
 * each other, so that a few kilobytes hold any number of keys.
 */
const MAX_KEYS = 2 ** 20;

/**
 * Every key of every bucket, whatever its depth. False for what is no such database, or a damaged one, of which some
 * may have been visited.
 */
export function visitBolt(file: Buffer, visit: (entry: BoltEntry) => void): boolean {
  try {
    const meta = newestMeta(file);
    if (meta === null) return false;
    new Walk(file, meta.pageSize, visit).page(meta.root, null);
    return true;
  } catch (thrown) {
    if (thrown instanceof RangeError) return false;
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
  readonly #visit: (entry: BoltEntry) => void;
  readonly #seen = new Set<number>();
  #keys = 0;

  constructor(file: Buffer, pageSize: number, visit: (entry: BoltEntry) => void) {
    this.#file = file;
    this.#pageSize = pageSize;
    this.#visit = visit;
  }

  /** The page of this number, and what it leads to. Throws RangeError for what no database has. */
  page(number: number, bucket: Buffer | null): void {
    if (this.#seen.has(number)) throw new RangeError(`page ${number} is there twice`);
    this.#seen.add(number);
    this.#elements(this.#file.subarray(number * this.#pageSize), bucket);
  }

  #elements(page: Buffer, bucket: Buffer | null): void {
    const [kind, count] = [page.readUInt16LE(8), page.readUInt16LE(10)];
    for (let i = 0; i < count; i++) {
      const element = page.subarray(HEADER + i * ELEMENT);
      if (kind === BRANCH) this.page(Number(element.readBigUInt64LE(8)), bucket);
      else if (kind === LEAF) this.#leaf(element, bucket);
      else throw new RangeError(`${kind} is no kind of page with keys`);
    }
  }

  #leaf(element: Buffer, bucket: Buffer | null): void {
    if (++this.#keys > MAX_KEYS) throw new RangeError(`more than ${MAX_KEYS} keys`);
    const [at, keySize, valueSize] = [element.readUInt32LE(4), element.readUInt32LE(8), element.readUInt32LE(12)];
    if (at + keySize + valueSize > element.length) throw new RangeError("a key ends behind the file");
    const key = element.subarray(at, at + keySize);
    const value = element.subarray(at + keySize, at + keySize + valueSize);
    this.#visit({ bucket, key, value });
    if (element.readUInt32LE(0) !== IS_BUCKET) return;
    const root = Number(value.readBigUInt64LE(0));
    // A small bucket is a page within the value.
    if (root === 0) this.#elements(value.subarray(16), key);
    else this.page(root, key);
  }
}

function fnv1a(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

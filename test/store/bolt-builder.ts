/** Databases of bolt, page by page: two meta pages and a free one, then the given ones. */

export const PAGE = 4096;

export type Element = readonly [key: string, value: string | Buffer, isBucket?: boolean];

/** @param root number of the page that the newer meta page leads to; the older one leads to page 4 */
export function database(transaction: bigint, root: number, pages: readonly Buffer[]): Buffer {
  const free = Buffer.alloc(PAGE);
  return Buffer.concat([meta(transaction - 1n, 4), meta(transaction, root), free, ...pages]);
}

export function branch(children: readonly number[]): Buffer {
  const page = header(0x01, children.length);
  for (const [i, child] of children.entries()) page.writeBigUInt64LE(BigInt(child), 16 + i * 16 + 8);
  return page;
}

export function leaf(elements: readonly Element[]): Buffer {
  const page = header(0x02, elements.length);
  let end = 16 + elements.length * 16;
  for (const [i, [key, value, isBucket]] of elements.entries()) {
    const [at, bytes] = [16 + i * 16, Buffer.from(value)];
    page.writeUInt32LE(isBucket ? 1 : 0, at);
    page.writeUInt32LE(end - at, at + 4);
    page.writeUInt32LE(key.length, at + 8);
    page.writeUInt32LE(bytes.length, at + 12);
    end += page.write(key, end, "latin1");
    end += bytes.copy(page, end);
  }
  return page;
}

export function bucketAt(key: string, root: number): Element {
  const value = Buffer.alloc(16);
  value.writeBigUInt64LE(BigInt(root));
  return [key, value, true];
}

export function inline(key: string, elements: readonly Element[]): Element {
  const page = leaf(elements);
  return [key, Buffer.concat([Buffer.alloc(16), page.subarray(0, 512)]), true];
}

function header(flags: number, count: number): Buffer {
  const page = Buffer.alloc(PAGE);
  page.writeUInt16LE(flags, 8);
  page.writeUInt16LE(count, 10);
  return page;
}

function meta(transaction: bigint, root: number): Buffer {
  const page = header(0x04, 0);
  page.writeUInt32LE(0xed0cdaed, 16);
  page.writeUInt32LE(2, 20);
  page.writeUInt32LE(PAGE, 24);
  page.writeBigUInt64LE(BigInt(root), 32);
  page.writeBigUInt64LE(transaction, 64);
  let sum = 0xcbf29ce484222325n;
  for (const byte of page.subarray(16, 72)) sum = BigInt.asUintN(64, (sum ^ BigInt(byte)) * 0x100000001b3n);
  page.writeBigUInt64LE(sum, 72);
  return page;
}

/** What dockerd's overlay2 driver would write into a layer's `size` file, by the rule of its own du. */
import { lstatSync, readdirSync } from "node:fs";

const SLASH = Buffer.from("/");

/**
 * st_size of everything but directories, each inode once.
 * @returns null where the tree cannot be walked by this process
 */
export function contentSize(dir: string): number | null {
  const inodes = new Set<bigint>();
  let size = 0n;
  const pending: Buffer[] = [Buffer.from(dir)];
  try {
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      for (const name of readdirSync(at, { encoding: "buffer" })) {
        const path = Buffer.concat([at, SLASH, name]);
        const stat = lstatSync(path, { bigint: true });
        if (stat.isDirectory()) pending.push(path);
        else if (!inodes.has(stat.ino)) {
          inodes.add(stat.ino);
          size += stat.size;
        }
      }
    }
  } catch {
    return null;
  }
  return Number(size);
}

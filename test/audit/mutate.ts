/** A root changed at random, one file or directory at a time, and put back. */
import { spawnSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

export type Pick = (below: number) => number;

/** xorshift32: the same root is broken in the same ways every time. */
export function random(seed: number): Pick {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Everything below, no symlink followed: Node's own recursive listing does. */
export function pathsIn(root: string, below = ""): string[] {
  return readdirSync(join(root, below), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(below, entry.name);
      return entry.isDirectory() ? [path, ...pathsIn(root, path)] : [path];
    });
}

/** Does something to a file or directory; answers what. */
export function mutate(root: string, path: string, pick: Pick): string {
  const full = join(root, path);
  const stat = lstatSync(full);
  const isFile = stat.isFile();
  const gone = () => rmSync(full, { recursive: true });
  const kind = pick(isFile ? 10 : 5);
  switch (kind) {
    case 0:
      gone();
      return "gone";
    case 1:
      gone();
      symlinkSync(pick(2) === 0 ? "/etc" : "/proc/self/mem", full);
      return "a symlink out of the root";
    case 2:
      gone();
      spawnSync("mkfifo", [full]);
      return "a FIFO";
    case 3:
      gone();
      writeFileSync(full, Buffer.from([0, 255, 10, 128, 123, 34]));
      return "rubbish";
    case 4:
      gone();
      mkdirSync(full);
      return "an empty directory";
    case 5:
      truncateSync(full, 0);
      return "empty";
    case 6:
      truncateSync(full, pick(stat.size + 1));
      return "cut short";
    default: {
      const bytes = readFileSync(full);
      if (bytes.length === 0) return "as it was";
      const at = pick(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << pick(8));
      writeFileSync(full, bytes);
      return `bit flipped at ${at}`;
    }
  }
}

/** Puts one path of a mutated root back as it is in the sound one, devices and attributes too. */
export function restore(sound: string, root: string, path: string): void {
  rmSync(join(root, path), { recursive: true, force: true });
  const { status, stderr } = spawnSync("cp", ["-a", join(sound, path), join(root, path)]);
  if (status !== 0) throw new Error(`cp -a ${path}: ${stderr}`);
}

/** What a write would change of any object: a name, an inode, a mode, a size, a time of content or of status. */
export function traces(root: string): string {
  const lines = ["", ...pathsIn(root)].map((path) => {
    const { ino, mode, size, mtimeNs, ctimeNs } = lstatSync(join(root, path), { bigint: true });
    return `${path} ${ino} ${mode} ${size} ${mtimeNs} ${ctimeNs}`;
  });
  return lines.join("\n");
}

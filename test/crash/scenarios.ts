/** A root that is worth something, and the commands that are killed while they write to it. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../src/store/store.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { dir, file, layer, symlink, whiteout } from "../support/tar-builder.js";
import type { Scratch } from "../support/tmp.js";
import { WRITERS } from "./writers.js";

export interface Scenario {
  readonly title: string;
  readonly command: keyof typeof WRITERS;
  readonly args: readonly string[];
  /** Makes the root that the command finds; absent for the root of `prepareRoot`. */
  readonly prepare?: (root: string) => Promise<void> | void;
  /** Why the command refuses to be done twice; absent where it does not. */
  readonly again?: "IN_USE" | "NOT_FOUND";
  /** What is in containers changes file by file, as with docker. */
  readonly files?: false;
  /** An image takes over a name that another one has. */
  readonly takesNames?: true;
  /** Mounts outlive the process that made them. */
  readonly mounts?: true;
}

const base = layer(
  dir("etc/"),
  file("etc/passwd", "root:x:0:0\n"),
  dir("data/"),
  file("data/first", "1"),
  file("bin/hello", Buffer.alloc(9000, 7), { mode: 0o4755 }),
  symlink("bin/hi", "hello"),
);
const top = layer(file("etc/app.conf", "x=1\n"), whiteout("etc/passwd"));

/** Two layers of a few files. */
const app = image({ layers: [base, top], names: ["app:1", "app:latest"], config: { config: { Cmd: ["/bin/hello"] } } });

/** Archives and directories that the commands take things from. */
export function prepareSources(work: Scratch): Readonly<Record<"app" | "next" | "store" | "rootfs" | "files", string>> {
  const put = (name: string, bytes: Uint8Array) => {
    writeFileSync(work.join(name), bytes);
    return work.join(name);
  };
  const second = layer(file("second", "2"));
  const config = { config: { Cmd: ["/bin/hello"], Volumes: { "/data": {} } } };
  const images = [
    app,
    image({ layers: [base], names: ["other:1"] }),
    image({
      layers: [base, second, top],
      names: ["tall:1", "tall:2", "team/tall:3"],
      config: { author: "tall", ...config },
    }),
    image({ layers: [base, second], names: ["plain:1"], config: { author: "plain" } }),
    image({ layers: [base, top], names: ["volume:1"], config }),
    image({ layers: [layer(file("alone", "3"))], names: [], config: { author: "dangling" } }),
  ];
  const next = image({ layers: [base, layer(file("etc/app.conf", "x=2\n"))], names: ["app:latest", "app:2"] });
  const files = work.dir("files");
  mkdirSync(join(files, "new"));
  writeFileSync(join(files, "new", "a"), "a");
  writeFileSync(join(files, "app.conf"), "x=3\n");
  return {
    app: put("app.tar", archive(dockerArchive([app]))),
    next: put("next.tar", archive(dockerArchive([next]))),
    store: put("store.tar", archive(dockerArchive(images))),
    rootfs: put("rootfs.tar", layer(dir("etc/"), file("etc/flat", "flat"), file("bin/flat", Buffer.alloc(5000, 1)))),
    files,
  };
}

/** Six images and two containers that somebody has written in. */
export async function prepareRoot(root: string, sources: ReturnType<typeof prepareSources>): Promise<void> {
  await WRITERS.pull(root, sources.store);
  for (const name of ["one", "two"]) {
    await WRITERS.create(root, "volume:1", name);
    await WRITERS.cp(root, join(sources.files, "new"), `${name}:/etc`);
  }
}

export function scenarios(sources: ReturnType<typeof prepareSources>): Scenario[] {
  return [
    { title: "pull under a name that another image has", command: "pull", args: [sources.next], takesNames: true },
    { title: "import", command: "import", args: [sources.rootfs, "flat:1"] },
    { title: "tag", command: "tag", args: ["other:1", "app:latest"] },
    { title: "rmi of the last name", command: "rmi", args: ["plain:1"], again: "NOT_FOUND" },
    {
      title: "rmi of several images",
      command: "rmi",
      args: ["team/tall:3", "plain:1", "tall:1", "tall:2", "app:1"],
      again: "NOT_FOUND",
    },
    { title: "prune", command: "prune", args: [] },
    { title: "create", command: "create", args: ["tall:1", "three"], again: "IN_USE" },
    { title: "rm", command: "rm", args: ["one"], again: "NOT_FOUND" },
    { title: "rm with volumes", command: "rm", args: ["two", "volumes"], again: "NOT_FOUND" },
    { title: "commit", command: "commit", args: ["one", "edited:1"] },
    { title: "cp", command: "cp", args: [`${sources.files}/.`, "one:/etc"], files: false },
    { title: "fsck --repair", command: "fsck", args: [], prepare: damage },
    { title: "mount", command: "mount", args: ["one"], again: "IN_USE", mounts: true },
    {
      title: "umount",
      command: "umount",
      args: ["one"],
      prepare: (root) => WRITERS.mount(root, "one"),
      again: "NOT_FOUND",
      mounts: true,
    },
  ];
}

/** One fault of each kind that a repair mends in another way. */
async function damage(root: string): Promise<void> {
  await using store = await openStore({ root, driver: null });
  const [first, second] = store.layers.list().layers.sort((a, b) => (a.chainId < b.chainId ? -1 : 1));
  if (first === undefined || second === undefined) throw new Error("the root has too few layers");
  const { driver } = store;
  mkdirSync(join(driver.home, "0".repeat(64), "diff", "inside"), { recursive: true });
  writeFileSync(join(driver.home, "0".repeat(64), "diff", "inside", "file"), "orphan");
  rmSync(join(driver.dir(first.cacheId), "link"));
  rmSync(join(driver.home, "l", driver.link(second.cacheId) ?? ""));
  writeFileSync(join(store.layers.dir(second.chainId), "size"), "many");
  chmodSync(store.layers.dir(second.chainId), 0o700);
  mkdirSync(join(store.layers.path, "tmp", "write-set-1"), { recursive: true });
  writeFileSync(join(store.imagePath, ".tmp-repositories.json1"), "{}");
  mkdirSync(join(store.imagePath, "imagedb", "metadata", "sha256", "1".repeat(64)));
  store.repositories.update((names) => names.tag("gone:1", `sha256:${"2".repeat(64)}` as never));
}

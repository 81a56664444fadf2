/** What is measured: for each kind of work ovl and those who do the same, on the same image. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { containersStorage } from "./containers-storage.js";
import type { Command } from "./measure.js";
import { countBelow, Dockerd, expectSame, fresh, has, layerObjects, OVL, SCRATCH } from "./peers.js";
import type { RealImage } from "./real-image.js";
import { registryContests } from "./registry.js";

/** One tool at one kind of work. */
export interface Contestant {
  readonly name: string;
  readonly available: boolean;
  /** Not timed. Gives the command that is. */
  readonly prepare: () => Command | Promise<Command>;
  /** Not timed. Throws when the work was not done. */
  readonly check: (stdout: string) => void | Promise<void>;
}

export interface Contest {
  readonly name: string;
  /** Who the others are compared with. */
  readonly base: string;
  readonly contestants: readonly Contestant[];
}

const ovl = (...args: string[]) => [...OVL, ...args];

export async function contests(image: RealImage): Promise<Contest[]> {
  return [
    await pulling(image),
    repeating(image),
    ...(await registryContests(image)),
    await givingBack(image),
    starting(image),
  ];
}

async function pulling(image: RealImage): Promise<Contest> {
  const expected = image.objects;
  const layout = join(SCRATCH, "layout");
  spawnSync("sh", ["-c", `mkdir ${layout} && tar -C ${layout} -xf ${image.ociArchive}`]);
  const blobs = layerBlobs(layout);
  const ovlPull = (name: string, archive: string, env = {}): Contestant => {
    const root = join(SCRATCH, "ovl-root");
    return {
      name,
      available: true,
      prepare: () => ({ argv: ovl("pull", archive, "--root", fresh("ovl-root")), env }),
      check: () => expectSame(name, layerObjects(root), expected),
    };
  };
  const shell = (name: string, inflate: string): Contestant => ({
    name,
    available: has(inflate.split(" ")[0] as string),
    prepare: () => {
      const out = fresh("shell");
      const one = (blob: string, i: number) =>
        `(mkdir ${out}/${i}; ${inflate} ${blob} | tee >(sha256sum >/dev/null) | tar -C ${out}/${i} -x)`;
      const lane = (nth: number) =>
        blobs
          .map(one)
          .filter((_, i) => i % 2 === nth)
          .join("; ");
      return { argv: ["bash", "-c", `(${lane(0)}) & (${lane(1)}) & wait`] };
    },
    check: () => expectSame(name, countBelow(join(SCRATCH, "shell")) - blobs.length, expected),
  });
  let daemon: Dockerd | null = null;
  return {
    name: "pull",
    base: "docker load",
    contestants: [
      ovlPull("ovl pull (OCI, gzip)", image.ociArchive),
      ovlPull("ovl pull (OCI, gzip), Node's zlib", image.ociArchive, { OVL_ENGINES: "node" }),
      ovlPull("ovl pull (docker archive)", image.dockerArchive),
      {
        name: "docker load",
        available: has("dockerd"),
        prepare: async () => {
          daemon = await new Dockerd(fresh("docker-root")).start();
          return { argv: daemon.client("load", "-q", "-i", image.dockerArchive) };
        },
        check: async () => {
          await daemon?.stop();
          expectSame("docker load", layerObjects(join(SCRATCH, "docker-root")), expected);
        },
      },
      {
        name: "umoci unpack",
        available: has("umoci"),
        prepare: () => {
          rmSync(join(SCRATCH, "bundle"), { recursive: true, force: true });
          return { argv: ["umoci", "unpack", "--image", `${layout}:ovl/bench:1`, join(SCRATCH, "bundle")] };
        },
        check: () => {
          if (!existsSync(join(SCRATCH, "bundle/rootfs/etc/passwd"))) throw new Error("umoci unpacked nothing");
        },
      },
      containersStorage(
        "skopeo copy",
        "skopeo",
        (store) => [
          ...["skopeo", "--insecure-policy", "copy", "-q", `oci-archive:${image.ociArchive}`],
          `containers-storage:[overlay@${store}+${store}-run]localhost/ovl/bench:1`,
        ],
        expected,
      ),
      containersStorage(
        "podman load",
        "podman",
        (store) => [
          ...["podman", "--root", store, "--runroot", `${store}-run`, "--storage-driver", "overlay"],
          ...["load", "-q", "-i", image.ociArchive],
        ],
        expected,
      ),
      shell("gzip | sha256 | tar, two at once", "gzip -dc"),
      shell("igzip | sha256 | tar, two at once", "igzip -dc"),
    ],
  };
}

/** The same archive a second time, and questions: all of it is start-up. */
function repeating(image: RealImage): Contest {
  const root = filled(image);
  const asks = (name: string, argv: string[]): Contestant => ({
    name,
    available: true,
    prepare: () => ({ argv }),
    check: () => {},
  });
  return {
    name: "second pull",
    base: "ovl --version",
    contestants: [
      asks("ovl --version", ovl("--version")),
      asks("ovl pull, all layers there", ovl("pull", image.ociArchive, "--root", root)),
    ],
  };
}

function starting(image: RealImage): Contest {
  const root = filled(image);
  const node = process.execPath;
  const run = (name: string, argv: string[]): Contestant => ({
    name,
    available: true,
    prepare: () => ({ argv }),
    check: () => {},
  });
  return {
    name: "start-up",
    base: "node -e 0",
    contestants: [
      run("node -e 0", [node, "-e", "0"]),
      run("ovl --version", ovl("--version")),
      run("ovl chain IMAGE", ovl("chain", "ovl/bench:1", "--root", root)),
      run("ovl images", ovl("images", "--root", root)),
    ],
  };
}

/** Verifying, and saving to a file: docker has no other check than saving to /dev/null. */
async function givingBack(image: RealImage): Promise<Contest> {
  const root = filled(image);
  const dockerRoot = join(SCRATCH, "docker-full");
  const out = join(SCRATCH, "saved.tar");
  let daemon: Dockerd | null = null;
  const docker = (name: string, args: string[], check: () => void, stdout?: string): Contestant => ({
    name,
    available: has("dockerd"),
    prepare: async () => {
      const known = existsSync(dockerRoot);
      daemon = await new Dockerd(known ? dockerRoot : fresh("docker-full")).start();
      if (!known) {
        const [file, ...load] = daemon.client("load", "-q", "-i", image.dockerArchive);
        spawnSync(file as string, load);
      }
      return { argv: daemon.client(...args), ...(stdout === undefined ? {} : { stdout }) };
    },
    check: async () => {
      await daemon?.stop();
      check();
    },
  });
  const saved = () => {
    if (statSync(out).size < image.tarBytes) throw new Error("the archive is too short");
    rmSync(out);
  };
  return {
    name: "verify and save",
    base: "docker save",
    contestants: [
      {
        name: "ovl verify",
        available: true,
        prepare: () => ({ argv: ovl("verify", "ovl/bench:1", "--root", root) }),
        check: (stdout) => {
          if (!stdout.startsWith("ok")) throw new Error(stdout);
        },
      },
      {
        name: "ovl save",
        available: true,
        prepare: () => ({ argv: ovl("save", "ovl/bench:1", "-o", out, "--root", root) }),
        check: saved,
      },
      docker("docker save", ["save", "-o", out, "ovl/bench:1"], saved),
      docker("docker save to /dev/null", ["save", "ovl/bench:1"], () => {}, "/dev/null"),
    ],
  };
}

/** A root with the image in it, made once. */
function filled(image: RealImage): string {
  const root = join(SCRATCH, "full");
  if (existsSync(root)) return root;
  const [file, ...args] = ovl("pull", image.ociArchive, "--root", root);
  const { status, stderr } = spawnSync(file as string, args);
  if (status !== 0) throw new Error(String(stderr));
  return root;
}

function layerBlobs(layout: string): string[] {
  const read = (path: string) => JSON.parse(readFileSync(join(layout, path), "utf8"));
  const blob = (digest: string) => `blobs/sha256/${digest.slice(7)}`;
  const manifest = read(blob(read("index.json").manifests[0].digest));
  return manifest.layers.map(({ digest }: { digest: string }) => join(layout, blob(digest)));
}

/** Pulling from a registry on loopback: against those who do the same, and with more and less of the image there. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { containersStorage } from "./containers-storage.js";
import type { Contest, Contestant } from "./contests.js";
import { Dockerd, expectSame, fresh, has, layerObjects, OVL, SCRATCH } from "./peers.js";
import type { RealImage } from "./real-image.js";

const REPOSITORY = "bench/app";

/** None where there is no registry to pull from. */
export async function registryContests(image: RealImage): Promise<Contest[]> {
  if (!has("docker-registry") || !has("skopeo")) return [];
  const host = await startRegistry();
  const name = `${host}/${REPOSITORY}:1`;
  const seeded = ["copy", "-q", "--dest-tls-verify=false", `oci-archive:${image.ociArchive}`, `docker://${name}`];
  must("skopeo", ["--insecure-policy", ...seeded]);
  await pushLowerHalf(host);
  return [pulling(name, image), scaling(host, image)];
}

function ovlPull(name: string, title: string, image: RealImage, prepareRoot: () => string): Contestant {
  let root = "";
  return {
    name: title,
    available: true,
    prepare: () => {
      root = prepareRoot();
      return { argv: [...OVL, "pull", name, "--root", root] };
    },
    check: () => expectSame(title, layerObjects(root), image.objects),
  };
}

function pulling(name: string, image: RealImage): Contest {
  let daemon: Dockerd | null = null;
  const dockerRoot = join(SCRATCH, "docker-registry-root");
  return {
    name: "pull from a registry",
    base: "docker pull",
    contestants: [
      ovlPull(name, "ovl pull", image, () => fresh("ovl-registry-root")),
      {
        name: "docker pull",
        available: has("dockerd"),
        prepare: async () => {
          daemon = await new Dockerd(fresh("docker-registry-root")).start();
          return { argv: daemon.client("pull", "-q", name) };
        },
        check: async () => {
          await daemon?.stop();
          expectSame("docker pull", layerObjects(dockerRoot), image.objects);
        },
      },
      containersStorage(
        "skopeo copy",
        "skopeo",
        (store) => [
          ...["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", `docker://${name}`],
          `containers-storage:[overlay@${store}+${store}-run]localhost/ovl/bench:1`,
        ],
        image.objects,
      ),
      containersStorage(
        "podman pull",
        "podman",
        (store) => [
          ...["podman", "--root", store, "--runroot", `${store}-run`, "--storage-driver", "overlay"],
          ...["pull", "-q", "--tls-verify=false", name],
        ],
        image.objects,
      ),
    ],
  };
}

/** What a CI machine waits for when it has nothing of an image, the lower half of its layers, or all of it. */
function scaling(host: string, image: RealImage): Contest {
  const name = (tag: string) => `${host}/${REPOSITORY}:${tag}`;
  const copyOf = (tag: string) => {
    const source = join(SCRATCH, `root-with-${tag}`);
    if (!existsSync(source)) must(OVL[0] as string, [...OVL.slice(1), "pull", name(tag), "--root", source]);
    const root = fresh("ovl-scale-root");
    // By cp: whiteouts are devices, and some directories have attributes.
    must("cp", ["-a", `${source}/.`, root]);
    return root;
  };
  return {
    name: "a farm's registry as layer store",
    base: "cold: nothing there",
    contestants: [
      ovlPull(name("1"), "cold: nothing there", image, () => fresh("ovl-scale-root")),
      ovlPull(name("1"), "half: the lower two of four layers there", image, () => copyOf("half")),
      ovlPull(name("1"), "warm: everything there", image, () => copyOf("1")),
    ],
  };
}

async function startRegistry(): Promise<string> {
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(SCRATCH, "registry.yml");
  const storage = `storage: {filesystem: {rootdirectory: ${fresh("registry-data")}}}`;
  writeFileSync(config, `version: 0.1\nlog: {level: error}\n${storage}\nhttp: {addr: "${host}"}\n`);
  const child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  process.on("exit", () => child.kill());
  child.unref();
  for (let i = 0; i < 200; i++, await sleep(50)) {
    if ((await fetch(`http://${host}/v2/`).catch(() => null))?.ok) return host;
  }
  throw new Error("docker-registry did not start");
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

interface ManifestJson {
  readonly config: { readonly digest: string };
  readonly layers: readonly unknown[];
}

interface ConfigJson {
  readonly rootfs: { readonly diff_ids: string[] };
  readonly history: unknown[];
}

/** `:half`, an image of the lower two layers: what an earlier build of the same program leaves on a machine. */
async function pushLowerHalf(host: string): Promise<void> {
  const at = `http://${host}/v2/${REPOSITORY}`;
  const accept = { accept: "application/vnd.oci.image.manifest.v1+json" };
  const manifest = (await (await fetch(`${at}/manifests/1`, { headers: accept })).json()) as ManifestJson;
  const config = (await (await fetch(`${at}/blobs/${manifest.config.digest}`)).json()) as ConfigJson;
  config.rootfs.diff_ids.length = 2;
  config.history.length = 2;
  const bytes = Buffer.from(JSON.stringify(config));
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const upload = await fetch(`${at}/blobs/uploads/`, { method: "POST" });
  const location = new URL(upload.headers.get("location") as string);
  location.searchParams.set("digest", digest);
  await fetch(location, { method: "PUT", body: bytes });
  const half = { ...manifest, config: { ...manifest.config, digest, size: bytes.length } };
  half.layers = manifest.layers.slice(0, 2);
  const put = { method: "PUT", headers: { "content-type": accept.accept }, body: JSON.stringify(half) };
  if (!(await fetch(`${at}/manifests/half`, put)).ok) throw new Error("the registry does not take half an image");
}

function must(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}

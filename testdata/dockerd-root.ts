/**
 * A root that a real dockerd wrote: loaded images, built ones, one without a name, and a stopped container with
 * changes. `dockerd-root.tar.gz` has it with owners, modes, xattrs and whiteout devices, as GNU tar keeps them:
 *
 *     tar --xattrs --xattrs-include='*' --numeric-owner -xzpf testdata/dockerd-root.tar.gz -C DIR
 *
 * `dockerd-root.json` has what the docker client said of it. Paths below the root start with `/var/lib/docker`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Dockerd, startDockerd } from "../test/support/dockerd.js";
import { runOk } from "../test/support/run.js";
import { scratch } from "../test/support/tmp.js";

/** What belongs to the machine and not to the root, or only exists while the daemon runs. */
const LEFT_OUT = ["volumes/backingFsBlockDev", "containerd", "runtimes", "tmp"];

export async function makeDockerdRoot(directory: string): Promise<void> {
  using dir = scratch("testdata");
  const root = dir.join("root");
  const daemon = await startDockerd(root);
  try {
    await fill(daemon, readFileSync(join(directory, "hello.docker.tar")), dir.dir("context"));
    const said = JSON.stringify(await answers(daemon), null, 2).replaceAll(root, "/var/lib/docker");
    writeFileSync(join(directory, "dockerd-root.json"), `${said}\n`);
  } finally {
    await daemon.stop();
  }
  const options = ["--xattrs", "--xattrs-include=*", "--numeric-owner", "--sort=name"];
  const excluded = LEFT_OUT.map((path) => `--exclude=./${path}`);
  const tar = dir.join("root.tar");
  await runOk("tar", [...options, ...excluded, "-cpf", tar, "-C", root, "."]);
  writeFileSync(join(directory, "dockerd-root.tar.gz"), await runOk("gzip", ["-9", "-n", "-c", tar]));
}

async function fill(daemon: Dockerd, hello: Uint8Array, context: string): Promise<void> {
  const refused = await daemon.load(hello);
  if (refused !== null) throw new Error(refused);
  mkdirSync(join(context, "site", "assets"), { recursive: true });
  for (const version of ["1", "2"]) {
    writeFileSync(join(context, "site", "index.html"), `<h1>version ${version}</h1>\n`);
    writeFileSync(join(context, "site", "assets", "app.js"), `console.log("version ${version}");\n`.repeat(20));
    writeFileSync(
      join(context, "Dockerfile"),
      `FROM hello:1.0
LABEL version=${version}
COPY site /srv/site
COPY --chown=1000:1000 site/index.html /home/hello/
RUN ["/bin/hello"]
COPY site/assets /srv/site/assets
USER hello
`,
    );
    // The second build takes the name from the first, which stays without one.
    await daemon.dockerOk(["build", "--network=none", "-t", "site:latest", context]);
  }
  await daemon.dockerOk(["tag", "site:latest", "registry.example.com/team/site:2"]);
  await daemon.dockerOk(["create", "--name", "greeter", "--network=none", "hello:1.0"]);
  await daemon.dockerOk(["cp", join(context, "site", "index.html"), "greeter:/etc/motd"]);
  await daemon.dockerOk(["start", "-a", "greeter"]);
}

/** By the docker client: every listed image inspected, its history, the container. */
async function answers(daemon: Dockerd): Promise<unknown> {
  const ids = lines(await daemon.dockerOk(["images", "-q", "--no-trunc"]));
  const history: Record<string, unknown> = {};
  for (const id of ids) {
    const format = ["--no-trunc", "--human=false", "--format", "{{json .}}"];
    history[id] = lines(await daemon.dockerOk(["history", ...format, id])).map((line) => JSON.parse(line) as unknown);
  }
  return {
    listed: lines(await daemon.dockerOk(["images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"])),
    images: JSON.parse(await daemon.dockerOk(["inspect", ...ids])) as unknown,
    history,
    containers: JSON.parse(await daemon.dockerOk(["inspect", "greeter"])) as unknown,
  };
}

/** Each once, in their order: an image with two names is listed twice. */
function lines(text: string): string[] {
  return [...new Set(text.split("\n").filter((line) => line !== ""))];
}

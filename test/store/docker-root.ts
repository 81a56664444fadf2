/** A root that a real dockerd wrote, with what makes listing and removing images interesting. */
import { writeFileSync } from "node:fs";
import { startDockerd } from "../support/dockerd.js";
import { archive, dockerArchive, image } from "../support/image-builder.js";
import { file, layer, symlink } from "../support/tar-builder.js";
import { scratch } from "../support/tmp.js";

const base = layer(file("hello", "hello", { mode: 0o755 }), symlink("link", "hello"));
const second = layer(file("second", "2"));

/** Configs that dockerd prints otherwise than they are written. */
const CONFIGS: readonly Record<string, unknown>[] = [
  { config: null },
  { config: {} },
  {
    author: "A <a@example.com>",
    comment: "a comment & more",
    container: "0123456789ab",
    container_config: { Cmd: ["/bin/sh", "-c", "#(nop) "], Labels: {} },
    docker_version: "20.10.0",
    variant: "v8",
    "os.version": "10.0",
    created: "2021-01-01T01:02:03.120000000+02:00",
    config: {
      Labels: { b: "2", a: "1", "10": "x" },
      ExposedPorts: { "80/tcp": {}, "443/tcp": {} },
      Volumes: { "/v": {} },
      Healthcheck: { Test: ["CMD", "true"], Interval: 30000000000 },
      StopTimeout: 0,
      StopSignal: "SIGKILL",
      Shell: ["/bin/bash", "-c"],
      OnBuild: [],
      Entrypoint: "/one-string",
      ArgsEscaped: true,
      Unknown: "ignored",
    },
  },
  { config: { env: ["LOWER=1"], EXPOSEDPORTS: {}, Healthcheck: {}, Cmd: [], Env: [] }, created: undefined },
  { history: [{ created_by: "only", comment: "from the history" }], os: "" },
];

/** Names of the images that are made, for the tests to ask about. */
export async function makeDockerRoot(root: string): Promise<void> {
  await using dockerd = await startDockerd(root);
  using work = scratch("docker-root", 0);
  const images = [
    image({ layers: [base], names: ["app:1", "app:2", "other/app:1"] }),
    image({ layers: [base, second], names: ["upper:latest"], config: { author: "upper" } }),
    image({ layers: [base, second], names: [], config: { author: "dangling" } }),
    image({ layers: [], names: ["nothing:1"] }),
    ...CONFIGS.map((config, i) => image({ layers: [base, second], names: [`odd:${i}`], config: { ...config } })),
  ];
  writeFileSync(work.join("images.tar"), archive(dockerArchive(images)));
  await dockerd.dockerOk(["load", "-q", "-i", work.join("images.tar")]);
  const context = work.dir("context");
  writeFileSync(`${context}/f`, "built");
  writeFileSync(`${context}/Dockerfile`, 'FROM app:1\nENV A=1\nCOPY f /f\nLABEL x=<&>\nCMD ["/hello"]\n');
  await dockerd.dockerOk(["build", "-q", "-t", "built:1", context]);
  writeFileSync(`${context}/f`, "built again");
  await dockerd.dockerOk(["build", "-q", "-t", "built:2", context]);
  await dockerd.dockerOk(["build", "-q", "-t", "built:1", "--label", "y=1", context]);
  await dockerd.dockerOk(["tag", "upper:latest", "localhost:5000/team/upper:v1"]);
  await dockerd.dockerOk(["create", "--name", "user", "--network=none", "odd:1", "/x"]);
  await dockerd.dockerOk(["create", "--name", "app-user", "--network=none", "app:2", "/x"]);
  await dockerd.dockerOk(["create", "--name", "built-user", "--network=none", "built:2", "/x"]);
  await dockerd.stop();
}

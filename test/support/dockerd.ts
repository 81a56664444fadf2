/** A private dockerd on a root of the test's choosing, and its client. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DOCKER_CLIENT } from "./oracles.js";
import { type RunOptions, type RunResult, run } from "./run.js";
import { scratch } from "./tmp.js";

export interface Dockerd extends AsyncDisposable {
  /** The data root. */
  readonly root: string;
  /** Path of the API's socket, for tests with too many requests for a client process each. */
  readonly socket: string;
  /** Runs the docker client against this daemon. */
  docker(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Its stdout as text; throws when it fails. */
  dockerOk(args: readonly string[], options?: RunOptions): Promise<string>;
  /**
   * `docker load`, over the socket: null when the daemon took the archive, else how it refused.
   * A client process for each of hundreds of archives would take longer than the daemon.
   */
  load(archive: Uint8Array): Promise<string | null>;
  /** What the daemon has logged so far. */
  log(): string;
  /** Orderly shutdown; when it returns nothing of the daemon runs and nothing below the root is mounted. */
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;

export async function startDockerd(root: string, driver: "overlay2" | "overlay" = "overlay2"): Promise<Dockerd> {
  mkdirSync(root, { recursive: true });
  // Short: a unix socket's path has at most 107 bytes, containerd's lies four directories deeper.
  const runtime = scratch("d", 0);
  const socket = runtime.join("s");
  const logPath = runtime.join("log");
  const config = runtime.join("daemon.json");
  writeFileSync(config, "{}");
  const logFd = openSync(logPath, "a");
  const flags = ["--iptables=false", "--ip-forward=false", "--ip-masq=false", "--bridge=none"];
  const child = spawn(
    // The daemon is told to end when this process does, however that ends: a killed test leaves none behind.
    "setpriv",
    [
      ...["--pdeathsig", "TERM", "dockerd"],
      ...["--data-root", root, "--exec-root", runtime.join("e"), "-H", `unix://${socket}`, "-p", runtime.join("p")],
      ...["-s", driver, "--config-file", config, ...flags],
    ],
    {
      stdio: ["ignore", logFd, logFd],
      env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`, TZ: "UTC" },
    },
  );
  closeSync(logFd);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  let log: string | null = null;
  let stopped: Promise<void> | null = null;

  async function shutDown(): Promise<void> {
    await terminate(child, exited);
    await unmountBelow(root, runtime.path);
    log = readFileSync(logPath, "utf8");
    runtime[Symbol.dispose]();
  }

  const daemon: Dockerd = {
    root,
    socket,
    docker: (args, options = {}) =>
      run(DOCKER_CLIENT, ["-H", `unix://${socket}`, ...args], {
        ...options,
        env: { DOCKER_CONFIG: join(runtime.path, "client"), DOCKER_BUILDKIT: "0", ...options.env },
      }),
    async dockerOk(args, options) {
      const result = await daemon.docker(args, options);
      if (result.status === 0) return result.stdout.toString("utf8");
      throw new Error(`docker ${args.join(" ")}: status ${result.status}: ${result.stderr}`);
    },
    load: (archive) => load(socket, archive),
    log: () => log ?? readFileSync(logPath, "utf8"),
    stop: () => (stopped ??= shutDown()),
    [Symbol.asyncDispose]: () => daemon.stop(),
  };
  try {
    await ready(socket, child);
  } catch (cause) {
    await daemon.stop();
    throw new Error(`dockerd did not start on ${root}:\n${daemon.log().split("\n").slice(-15).join("\n")}`, { cause });
  }
  return daemon;
}

async function ready(socket: string, child: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + READY_TIMEOUT_MS; Date.now() < deadline; await sleep(20)) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error("it exited");
    if (await ping(socket)) return;
  }
  throw new Error(`not ready after ${READY_TIMEOUT_MS} ms`);
}

function ping(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const req = request({ socketPath, path: "/_ping", timeout: 2000 }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode === 200));
    });
    req.on("error", () => resolve(false));
    req.on("timeout", () => req.destroy());
    req.end();
  });
}

/** The answer of the API is a status, and lines of JSON of which one may be an error. */
function load(socketPath: string, archive: Uint8Array): Promise<string | null> {
  return new Promise((resolve) => {
    const req = request({ socketPath, path: "/images/load?quiet=1", method: "POST" }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", (error) => resolve(error.message));
      response.on("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        resolve(response.statusCode === 200 && !body.includes('"errorDetail"') ? null : body || "no answer");
      });
    });
    // A daemon whose handler panics closes the connection.
    req.on("error", (error) => resolve(error.message));
    req.end(archive);
  });
}

async function terminate(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.pid === undefined) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}

/** dockerd mounts its root on itself, and a daemon that was killed leaves that and its containers' mounts. */
async function unmountBelow(...dirs: readonly string[]): Promise<void> {
  const points = readFileSync("/proc/self/mountinfo", "latin1")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => dirs.some((dir) => point === dir || point.startsWith(`${dir}/`)));
  for (const point of points.sort().reverse()) await run("umount", ["-l", point]);
}

/** A private docker-registry (distribution) on a loopback port of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { runOk } from "./run.js";
import { type Scratch, scratch } from "./tmp.js";

export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly port: number;
  /** Certificate of the authority that vouches for it; null without TLS. */
  readonly caFile: string | null;
  log(): string;
}

export interface RegistryOptions {
  readonly tls?: boolean;
  /** Who may do anything; without it everybody may. */
  readonly user?: { readonly name: string; readonly password: string };
  /** The token service that it sends everybody to, and the certificate that it knows its tokens by. */
  readonly tokens?: { readonly realm: string; readonly service: string; readonly certificate: string };
}

export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const dir = scratch("registry", 0);
  const port = await freePort();
  const tls = options.tls === true ? await makeCertificates(dir) : null;
  const lines = [
    "version: 0.1",
    "log: {level: info, accesslog: {disabled: false}}",
    `storage: {filesystem: {rootdirectory: ${dir.dir("data")}}, delete: {enabled: true}}`,
    `http: {addr: "127.0.0.1:${port}"${tls === null ? "" : `, tls: {certificate: ${tls.cert}, key: ${tls.key}}`}}`,
  ];
  if (options.user !== undefined) {
    writeFileSync(dir.join("htpasswd"), `${options.user.name}:${await bcrypt(options.user.password)}\n`);
    lines.push(`auth: {htpasswd: {realm: test, path: ${dir.join("htpasswd")}}}`);
  }
  if (options.tokens !== undefined) {
    const { realm, service, certificate } = options.tokens;
    lines.push(
      `auth: {token: {realm: "${realm}", service: ${service}, issuer: ${service}, rootcertbundle: ${certificate}}}`,
    );
  }
  writeFileSync(dir.join("config.yml"), `${lines.join("\n")}\n`);
  const logFd = openSync(dir.join("log"), "a");
  const child = spawn("docker-registry", ["serve", dir.join("config.yml")], {
    stdio: ["ignore", logFd, logFd],
    env: { PATH: process.env["PATH"], OTEL_TRACES_EXPORTER: "none" },
  });
  closeSync(logFd);
  const log = () => readFileSync(dir.join("log"), "utf8");
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await ready(child, port, tls !== null, log);
  return {
    host: `127.0.0.1:${port}`,
    port,
    caFile: tls?.ca ?? null,
    log,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await exited;
      dir[Symbol.dispose]();
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** A server certificate for loopback and for `hosts`, and the authority that signed it. */
export async function makeCertificates(
  dir: Scratch,
  hosts: readonly string[] = [],
): Promise<{ ca: string; cert: string; key: string }> {
  const [ca, caKey, cert, key] = ["ca.crt", "ca.key", "server.crt", "server.key"].map((name) => dir.join(name)) as [
    string,
    string,
    string,
    string,
  ];
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  await runOk("openssl", ["req", "-x509", ...ec, "-keyout", caKey, "-out", ca, "-subj", "/CN=ovl test authority"]);
  const names = `subjectAltName=IP:127.0.0.1,${["localhost", ...hosts].map((host) => `DNS:${host}`).join(",")}`;
  const signed = ["-CA", ca, "-CAkey", caKey, "-addext", names, "-subj", "/CN=localhost"];
  await runOk("openssl", ["req", "-x509", ...ec, ...signed, "-keyout", key, "-out", cert]);
  return { ca, cert, key };
}

/** A certificate to show to servers, signed by the authority of `makeCertificates`. */
export async function makeClientCertificate(dir: Scratch, name: string): Promise<{ cert: string; key: string }> {
  const [cert, key] = [dir.join(`${name}.cert`), dir.join(`${name}.key`)];
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const signed = ["-CA", dir.join("ca.crt"), "-CAkey", dir.join("ca.key"), "-subj", `/CN=${name}`];
  await runOk("openssl", ["req", "-x509", ...ec, ...signed, "-keyout", key, "-out", cert]);
  return { cert, key };
}

/** By crypt(3), which every Debian has through perl. */
async function bcrypt(password: string): Promise<string> {
  const script = 'print crypt($ARGV[0], q($2y$05$) . "abcdefghijklmnopqrstuu")';
  return (await runOk("perl", ["-e", script, password])).toString("latin1");
}

async function ready(child: ChildProcess, port: number, tls: boolean, log: () => string): Promise<void> {
  const request = tls ? httpsRequest : httpRequest;
  const answers = () =>
    new Promise<boolean>((resolve) => {
      const options = { host: "127.0.0.1", port, path: "/v2/", rejectUnauthorized: false };
      const asked = request(options, (answer) => {
        answer.resume();
        resolve(true);
      });
      asked.on("error", () => resolve(false)).end();
    });
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(50)) {
    if (child.exitCode !== null) break;
    if (await answers()) return;
  }
  throw new Error(`docker-registry did not start: ${log()}`);
}

/** `ovl login` and `ovl logout` as people and scripts meet them: on a terminal, in a pipe, with credential helpers. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, statSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { waitReadable } from "../../src/sys/poll.js";
import { credentialPlaces } from "../support/credentials.js";
import { oracle } from "../support/oracles.js";
import { ovl, ovlJson } from "../support/ovl.js";
import { repoPath } from "../support/repo.js";
import { runOk } from "../support/run.js";
import { type Scratch, scratch } from "../support/tmp.js";

const USER = { name: "ci", password: "s3cret-of-ci" };
const AUTH = Buffer.from(`${USER.name}:${USER.password}`).toString("base64");

/** Keeps what it is told to store, in files of its directory. */
const HELPER = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$1" >>calls
case "$1" in
  store) cat >stored ;;
  erase) cat >erased; rm -f stored ;;
  get) [ -f stored ] && cat stored || { echo "credentials not found in native keychain"; exit 1; } ;;
esac
`;

describe("ovl login", () => {
  const server = createServer(({ headers }, response) => {
    if (headers.authorization === `Basic ${AUTH}`) response.end("{}");
    else response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
  });
  let space: Scratch;
  let host: string;
  let config: string;
  let turn = 0;
  let pipes = 0;

  before(async () => {
    space = scratch("login", 0);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    turn += 1;
    space.dir(`config-${turn}`);
    config = space.join(`config-${turn}`, "config.json");
  });
  after(() => {
    server.close();
    server.closeAllConnections();
    space[Symbol.dispose]();
  });

  const env = () => ({
    ...credentialPlaces(space.join(`config-${turn}`)),
    PATH: `${space.path}:${process.env["PATH"]}`,
  });
  const stored = () => JSON.parse(readFileSync(config, "utf8")) as Record<string, unknown>;
  const piped = (input: string, ...args: string[]) =>
    ovl(["login", host, ...args], { env: env(), input: Buffer.from(input) });

  /** On a terminal: what it shows, and the status. Each answer is typed once its question is there. */
  function typed(answers: readonly (readonly [question: RegExp, answer: string])[], ...args: string[]) {
    const command = [process.execPath, repoPath("bin/run.js"), "login", host, ...args]
      .map((one) => `'${one}'`)
      .join(" ");
    const child = spawn("script", ["-qec", command, "/dev/null"], { env: { ...process.env, ...env(), TERM: "xterm" } });
    const waiting = [...answers];
    let shown = "";
    let seen = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      shown += chunk.toString("utf8");
      const [next] = waiting;
      const found = next?.[0].exec(shown.slice(seen));
      if (next === undefined || !found) return;
      seen = shown.length;
      waiting.shift();
      child.stdin.write(next[1]);
    });
    // A question that never comes is a failure, not a wait.
    const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
    return new Promise<{ shown: string; status: number | null }>((resolve) => {
      child.on("close", (status) => {
        clearTimeout(timer);
        resolve({ shown, status });
      });
    });
  }

  it("asks for a name and a password on a terminal, and shows only the name", { skip: oracle("script") }, async () => {
    const { shown, status } = await typed([
      [/Username for .*: /, `${USER.name}\r`],
      [/Password: /, `${USER.password}\r`],
    ]);
    assert.equal(status, 0, shown);
    assert.match(shown, /Logged in to 127\.0\.0\.1/);
    assert.ok(shown.includes(USER.name));
    assert.equal(shown.includes(USER.password), false, shown);
    assert.deepEqual(stored(), { auths: { [host]: { auth: AUTH } } });
    assert.equal(statSync(config).mode & 0o777, 0o600);
  });

  it("asks only for the password where the name is given, and ends on Ctrl-C", { skip: oracle("script") }, async () => {
    const { shown, status } = await typed([[/Password: /, "half-a-pass\x03"]], "-u", USER.name);
    assert.equal(status, 130, shown);
    assert.equal(shown.includes("half-a-pass"), false);
    assert.doesNotMatch(shown, /Username/);
    assert.throws(stored, "nothing was stored");
  });

  it("needs an answer to each question: Ctrl-D is none", { skip: oracle("script") }, async () => {
    for (const answers of [
      [[/Username for .*: /, "\x04"]],
      [
        [/Username for .*: /, `${USER.name}\r`],
        [/Password: /, "\x04"],
      ],
    ] as const) {
      const { shown, status } = await typed(answers);
      assert.equal(status, 2, shown);
      assert.match(shown, /login needs a user name and a password/);
      assert.throws(stored, "nothing was stored");
    }
  });

  it("refuses a wrong password, and stores nothing", { skip: oracle("script") }, async () => {
    const { shown, status } = await typed([[/Password: /, "wrong-one\r"]], "-u", USER.name);
    assert.equal(status, 7, shown);
    assert.equal(shown.includes("wrong-one"), false);
    assert.throws(stored);
  });

  it("says what it needs where there is nobody to ask", async () => {
    for (const args of [[], ["-u", USER.name]]) {
      const { status, stdout, stderr } = await piped("", ...args);
      assert.deepEqual([status, stdout], [2, ""], stderr);
      assert.match(stderr, /--username NAME --password-stdin/);
    }
    const empty = await piped("", "-u", USER.name, "--password-stdin");
    assert.equal(empty.status, 2);
    assert.match(empty.stderr, /standard input is empty/);
  });

  /** A command whose password comes in pieces: the next one, or a signal, when the last piece has been taken. */
  async function halting(args: readonly string[], ...pieces: readonly (string | NodeJS.Signals)[]) {
    const path = space.join(`pipe-${++pipes}`);
    await runOk("mkfifo", [path]);
    const pipe = openSync(path, constants.O_RDWR);
    const stdin = openSync(path, constants.O_RDONLY);
    const child = spawn(process.execPath, [repoPath("bin/run.js"), ...args], {
      env: { ...process.env, ...env() },
      stdio: [stdin, "ignore", "pipe"],
    });
    closeSync(stdin);
    let stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr += chunk.toString("utf8");
    });
    const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
    const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
    for (const piece of pieces) {
      if (piece === "SIGINT" || piece === "SIGTERM") child.kill(piece);
      else writeSync(pipe, piece);
      while (child.exitCode === null && child.signalCode === null && waitReadable(pipe, 0)) await sleep(5);
    }
    // A signal must do without the end of the password.
    if (pieces.at(-1)?.startsWith("SIG")) await closed;
    closeSync(pipe);
    const status = await closed;
    clearTimeout(timer);
    return { status, stderr };
  }

  it("waits for a password that comes late, and in pieces", async () => {
    const [first, rest] = [USER.password.slice(0, 3), USER.password.slice(3)];
    const { status, stderr } = await halting(["login", host, "-u", USER.name, "--password-stdin"], first, rest);
    assert.equal(status, 0, stderr);
    assert.deepEqual(stored(), { auths: { [host]: { auth: AUTH } } });
  });

  for (const [signal, exit] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    for (const command of ["login", "pull"]) {
      it(`${signal} ends a ${command} that waits for the password with ${exit}`, async () => {
        const target = command === "login" ? [host] : [`${host}/x/y`, "--root", space.join("root")];
        const args = [command, ...target, "-u", USER.name, "--password-stdin"];
        const { status, stderr } = await halting(args, "half-a-pass", signal);
        assert.equal(status, exit, stderr);
        assert.throws(stored, "nothing was stored");
      });
    }
  }

  it("refuses a password that it could not keep as it is, and one without an end", async () => {
    for (const [bytes, why] of [
      [Buffer.from("caf\xe9", "latin1"), /not UTF-8/],
      [Buffer.alloc(64 * 1024 + 1, "x"), /more than 65536 bytes/],
    ] as const) {
      const args = ["login", host, "-u", USER.name, "--password-stdin"];
      const { status, stderr } = await ovl(args, { env: env(), input: bytes });
      assert.equal(status, 2, stderr);
      assert.match(stderr, why);
    }
    const endless = await runOk("sh", [
      "-c",
      `yes | "$@"; [ $? = 2 ] && echo refused`,
      "sh",
      ...[process.execPath, repoPath("bin/run.js"), "login", host, "-u", USER.name, "--password-stdin"],
    ]);
    assert.equal(String(endless), "refused\n");
  });

  it("keeps every other setting, and the file where a link leads to", async () => {
    const settings = { psFormat: "{{.ID}}", proxies: { default: { httpProxy: "http://p:1" } }, "x-unknown": [1] };
    writeFileSync(
      space.join("dotfiles.json"),
      JSON.stringify({ ...settings, auths: { "other.io": { auth: "eDp5" } } }),
    );
    symlinkSync("../dotfiles.json", config);
    assert.equal((await piped(`${USER.password}\n`, "-u", USER.name, "--password-stdin")).status, 0);
    const written = JSON.parse(readFileSync(space.join("dotfiles.json"), "utf8"));
    assert.deepEqual(written, { ...settings, auths: { "other.io": { auth: "eDp5" }, [host]: { auth: AUTH } } });
    const { json } = await ovlJson<{ removed: boolean }>(["logout", host], { env: env() });
    assert.equal(json.removed, true);
    assert.deepEqual(stored(), { ...settings, auths: { "other.io": { auth: "eDp5" } } });
    assert.equal((await ovlJson<{ removed: boolean }>(["logout", host], { env: env() })).json.removed, false);
  });

  it("says where its file cannot be made, instead of trying for ever", async () => {
    const args = ["login", host, "-u", USER.name, "--password-stdin"];
    const places = { ...env(), DOCKER_CONFIG: "/proc/ovl/docker" };
    const { status, stderr } = await ovl(args, { env: places, input: Buffer.from(USER.password) });
    assert.equal(status, 6, stderr);
    assert.match(stderr, /cannot mkdir \/proc\/ovl: ENOENT/);
  });

  it("takes an empty file for one without settings, and so does logout", async () => {
    writeFileSync(config, "");
    assert.equal((await ovl(["logout", host], { env: env() })).status, 0);
    const { status, stderr } = await piped(USER.password, "-u", USER.name, "--password-stdin");
    assert.equal(status, 0, stderr);
    assert.deepEqual(stored(), { auths: { [host]: { auth: AUTH } } });
  });

  for (const [how, settings] of [
    ["credsStore", () => ({ credsStore: "files" })],
    ["credHelpers", () => ({ credHelpers: { [host]: "files" }, credsStore: "missing" })],
  ] as const) {
    it(`leaves the secret to the helper that ${how} names, and logout has it forget`, async () => {
      writeFileSync(space.join("docker-credential-files"), HELPER, { mode: 0o755 });
      writeFileSync(config, JSON.stringify(settings()));
      const { status, stderr } = await piped(USER.password, "-u", USER.name, "--password-stdin");
      assert.equal(status, 0, stderr);
      assert.deepEqual(stored(), { ...settings(), auths: { [host]: {} } });
      const kept = JSON.parse(readFileSync(space.join("stored"), "utf8"));
      assert.deepEqual(kept, { ServerURL: host, Username: USER.name, Secret: USER.password });
      assert.equal((await ovl(["logout", host], { env: env() })).status, 0);
      assert.equal(readFileSync(space.join("erased"), "utf8"), host);
      assert.deepEqual(stored(), { ...settings(), auths: {} });
    });
  }

  it("names the helper that is missing, and the registry that is none", async () => {
    writeFileSync(config, JSON.stringify({ credsStore: "missing" }));
    const { status, stderr } = await piped(USER.password, "-u", USER.name, "--password-stdin");
    assert.equal(status, 7);
    assert.match(stderr, /docker-credential-missing/);
    assert.equal(stderr.includes(USER.password), false);
    assert.equal((await ovl(["login", "not a host"], { env: env() })).status, 2);
  });

  it("does not quote a settings file that it cannot read, nor an address with a password, not even under DEBUG", async () => {
    writeFileSync(config, `{"auths":{"${host}":{"auth":"${AUTH}"`);
    for (const DEBUG of ["", "*"]) {
      const run = { env: { ...env(), DEBUG }, input: Buffer.from(USER.password) };
      const broken = await ovl(["login", host, "-u", USER.name, "--password-stdin"], run);
      const named = await ovl(["id", `docker://${USER.name}:${USER.password}@${host}/app:1`], run);
      const address = await ovl(["id", `https://${USER.name}:${USER.password}@${host}/app:1`, "--json"], run);
      assert.deepEqual([broken.status, named.status, address.status], [4, 2, 2]);
      const shown = [broken, named, address].map(({ stdout, stderr }) => `${stdout}${stderr}`).join("");
      for (const secret of [USER.password, AUTH.slice(0, 10)]) assert.equal(shown.includes(secret), false, shown);
    }
  });
});

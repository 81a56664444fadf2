/** What an image says and what the user asks for, merged: the results are those of docker create 20.10. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type RunOptions, runConfig } from "../../src/container/run-config.js";
import { parseImageConfig } from "../../src/model/config.js";
import { goJson } from "../../src/model/go-json.js";

const ID = `${"ab".repeat(31)}00`;

const IMAGE = {
  Hostname: "of-the-image",
  Domainname: "example.com",
  User: "1000:1000",
  Tty: true,
  Env: ["PATH=/bin", "A=1"],
  Cmd: ["serve", "--port", "80"],
  Entrypoint: ["/init", "--"],
  WorkingDir: "/srv/./app/",
  Labels: { b: "2", a: "<1>" },
  ExposedPorts: { "80/tcp": {}, "443/tcp": {} },
  Volumes: { "/data": {} },
  Healthcheck: { Test: ["CMD", "true"], Interval: 1_000_000_000 },
  StopSignal: "SIGQUIT",
  StopTimeout: 3,
  Shell: ["/bin/sh", "-c"],
  OnBuild: ["RUN true"],
  ArgsEscaped: true,
};

function merged(image: Record<string, unknown> | null, options: Partial<RunOptions> = {}) {
  const document = { config: image, os: "linux", rootfs: { type: "layers", diff_ids: [] } };
  const nothing = { command: [], env: [], workingDir: null, entrypoint: null, hostname: null, labels: new Map() };
  const run = runConfig(parseImageConfig(Buffer.from(JSON.stringify(document))), "app", ID, { ...nothing, ...options });
  return { ...run, json: JSON.parse(goJson(run.config)) as Record<string, unknown>, text: goJson(run.config) };
}

test("an image's settings are the container's, but for those that are only the image's", () => {
  const { text, path, args, workingDir, volumes } = merged(IMAGE);
  assert.equal(
    text,
    '{"Hostname":"ababababababab'.slice(0, 25) +
      '","Domainname":"","User":"1000:1000","AttachStdin":false,"AttachStdout":true,"AttachStderr":true,' +
      '"ExposedPorts":{"443/tcp":{},"80/tcp":{}},"Tty":false,"OpenStdin":false,"StdinOnce":false,' +
      '"Env":["PATH=/bin","A=1"],"Cmd":["serve","--port","80"],' +
      '"Healthcheck":{"Test":["CMD","true"],"Interval":1000000000},"Image":"app","Volumes":{"/data":{}},' +
      '"WorkingDir":"/srv/app","Entrypoint":["/init","--"],"OnBuild":null,' +
      '"Labels":{"a":"\\u003c1\\u003e","b":"2"},"StopSignal":"SIGQUIT"}',
  );
  assert.deepEqual([path, ...args], ["/init", "--", "serve", "--port", "80"]);
  assert.equal(workingDir, "/srv/app");
  assert.deepEqual(volumes, ["/data"]);
});

test("a command takes the place of the image's, an entrypoint that of both", () => {
  assert.deepEqual(merged(IMAGE, { command: ["other"] }).args, ["--", "other"]);
  const entrypoint = merged(IMAGE, { entrypoint: "/bin/ls" });
  assert.deepEqual([entrypoint.path, entrypoint.args, entrypoint.json["Cmd"]], ["/bin/ls", [], null]);
  const none = merged(IMAGE, { entrypoint: "", command: ["/bin/true"] });
  assert.deepEqual([none.path, none.args, none.json["Entrypoint"]], ["/bin/true", [], null]);
  assert.throws(() => merged(IMAGE, { entrypoint: "" }), { code: "USAGE", message: /names no command/ });
  assert.throws(() => merged({ Entrypoint: [""] }), { code: "USAGE" });
  assert.throws(() => merged(null), { code: "USAGE" });
  assert.equal(merged(null, { command: ["x"] }).path, "x");
});

test("variables of the user come first and once, and hide the image's of the same name", () => {
  const { json } = merged(IMAGE, { env: ["A=2", "B=x=y", "A=3", "PATH"] });
  assert.deepEqual(json["Env"], ["A=3", "B=x=y", "PATH"]);
  assert.deepEqual(merged({ Cmd: ["x"] }).json["Env"], null);
  for (const variable of ["", "=x"]) assert.throws(() => merged(IMAGE, { env: [variable] }), { code: "USAGE" });
});

test("labels add up, the host name and the working directory are the user's", () => {
  const labels = new Map([
    ["a", "9"],
    ["__proto__", ""],
  ]);
  const { json, text, workingDir } = merged(IMAGE, { labels, hostname: "h.example.com", workingDir: "/a//b/../c/" });
  assert.match(text, /"Labels":\{"__proto__":"","a":"9","b":"2"\}/);
  assert.equal(json["Hostname"], "h.example.com");
  assert.equal(workingDir, "/a/c");
  assert.throws(() => merged(IMAGE, { workingDir: "relative" }), { code: "USAGE", message: /not an absolute path/ });
  assert.equal(merged(IMAGE, { workingDir: "/" }).workingDir, null);
});

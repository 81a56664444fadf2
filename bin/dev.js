#!/usr/bin/env node
// As run.js, but builds what has changed first and shows stack traces.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("..", import.meta.url));
const inProject = { cwd: project, stdio: ["ignore", 2, 2] };
spawnSync("npx", ["tsc"], inProject);
spawnSync(process.execPath, ["bin/bundle.js"], inProject);
process.env["DEBUG"] ??= "ovl";
const { start } = await import("../dist/cli/start.js");
await start(import.meta.url);

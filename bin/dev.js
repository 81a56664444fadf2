#!/usr/bin/env node
// As run.js, but builds what has changed first and shows stack traces.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("..", import.meta.url));
for (const builder of [
  ["npx", "tsc"],
  ["node", "bin/bundle.js"],
]) {
  spawnSync(builder[0], builder.slice(1), { cwd: project, stdio: ["ignore", 2, 2] });
}
process.env["DEBUG"] ??= "ovl";
const { start } = await import("../dist/cli/start.js");
await start(import.meta.url);

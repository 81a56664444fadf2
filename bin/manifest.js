#!/usr/bin/env node
// Writes oclif.manifest.json from the compiled commands; `--check` exits 1 when the one on disk differs.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Plugin } from "@oclif/core/config";

const project = fileURLToPath(new URL("..", import.meta.url));
const file = fileURLToPath(new URL("../oclif.manifest.json", import.meta.url));

const plugin = new Plugin({ root: project, type: "core", ignoreManifest: true, errorOnManifestCreate: true });
await plugin.load();
const sorted = Object.fromEntries(Object.entries(plugin.manifest.commands).sort(([a], [b]) => (a < b ? -1 : 1)));
const manifest = `${JSON.stringify({ commands: sorted, version: plugin.manifest.version }, null, 2)}\n`;

if (!process.argv.includes("--check")) writeFileSync(file, manifest);
else if (readFileSync(file, "utf8") !== manifest) {
  console.error("oclif.manifest.json is stale: run `npm run manifest`");
  process.exitCode = 1;
}

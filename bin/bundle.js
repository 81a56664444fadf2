#!/usr/bin/env node
// Makes `dist` of the modules of `src`: few files, since Node takes 0.7 ms for each that it loads and a command needs a
// hundred modules. What eight entries or more share is one file, but for what `--version` needs and what the threads of
// layers need, which is one file each; what is imported only when it is needed stays apart. Packages are left to Node.
//
// Of the types that tsc has put there those stay that the library's reach; nothing stays of an earlier build.
//
// Every file is one directory below `dist`, as every module is below `src`: a URL relative to one of them, such as
// `../layer/stage-worker.js`, means the same in both.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const project = fileURLToPath(new URL("..", import.meta.url));
const entries = [
  "cli/start",
  // Named for oclif in package.json.
  "cli/help",
  "layer/stage-worker",
  "sys/mount-worker",
  ...readdirSync(`${project}/src/commands`).map((file) => `commands/${file.replace(/\.ts$/, "")}`),
];

/** Modules by their path below `src`. */
const below = (pattern) => (path) => pattern.test(relative(`${project}/src`, path));

const bundle = await rolldown({
  cwd: project,
  input: { index: "src/index.ts", ...Object.fromEntries(entries.map((name) => [name, `src/${name}.ts`])) },
  platform: "node",
  // The runtime is what becomes of syntax that Node 20 lacks: `using`.
  external: (name) => /^[a-z@]/.test(name) && !name.startsWith("@oxc-project/runtime/"),
  // One command may import at once what another imports only when it is needed.
  checks: { ineffectiveDynamicImport: false },
  transform: { target: "es2023" },
});
const { output } = await bundle.write({
  dir: "dist",
  entryFileNames: "[name].js",
  chunkFileNames: "shared/[name].js",
  codeSplitting: {
    groups: [
      { name: "start", test: below(/^(errors|cli\/(argv|version))\.ts$/), priority: 2 },
      // What the threads of a layer need, and none of the packages that they do not.
      {
        name: "layers",
        test: below(/^(model\/(bytes|digest)|sys|blob|tar\/(?!writer|go-header)|tar-split|layer\/(?!pipeline))/),
        priority: 1,
        minShareCount: 2,
      },
      { name: "most", minShareCount: 8 },
    ],
  },
});
await bundle.close();

const dist = join(project, "dist");
const kept = new Set(output.map(({ fileName }) => join(dist, fileName)));
keepTypes(join(dist, "index.d.ts"));
for (const file of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const path = join(file.parentPath, file.name);
  if (file.isFile() && !kept.has(path)) rmSync(path);
}

/** Keeps declarations, and those that they import. */
function keepTypes(path) {
  if (kept.has(path)) return;
  kept.add(path);
  for (const [, target] of readFileSync(path, "utf8").matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g)) {
    keepTypes(join(path, "..", target.replace(/\.js$/, ".d.ts")));
  }
}

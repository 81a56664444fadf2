// What ovl does, to be looked at: `npm run demo`. Works in a scratch root that is removed at the end; `-- --keep`
// leaves it there. Needs the built ovl and nothing else: no daemon, no root.
import { spawnSync } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import koffi from "koffi";

const llistxattr = koffi.load(null).func("llistxattr", "intptr_t", ["void *", "void *", "size_t"]);
const project = fileURLToPath(new URL("..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "ovl-demo-"));
const root = join(scratch, "root");
const env = { ...process.env, OVL_ROOT: root, OVL_STORAGE_DRIVER: "" };
const colored = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code) => (text) => (colored ? `\x1b[${code}m${text}\x1b[0m` : text);
const [bold, dim, cyan] = [paint("1"), paint("2"), paint("36")];

try {
  demo();
} finally {
  if (process.argv.includes("--keep")) console.log(`\nKept: ${scratch}`);
  else rmSync(scratch, { recursive: true });
}

function demo() {
  console.log(dim(`$ export OVL_ROOT=${root}`));

  title("An image archive: what is in it, and is it whole? Nothing is stored for that.");
  ovl("id", "testdata/hello.oci.tar");
  ovl("verify", "testdata/hello.oci.tar");

  title("Pulled into a root of its own, without a daemon.");
  ovl("pull", "testdata/hello.oci.tar");
  ovl("images");

  title("How the layers' diff_ids become ChainIDs, and in which directory each layer lies.");
  ovl("chain", "hello:1.0");

  title("What made them, newest first.");
  ovl("history", "hello:1.0");

  title("What docker inspect says of it, in part.");
  const [image] = JSON.parse(captured("inspect", "hello:1.0"));
  prompt("ovl inspect hello:1.0 | jq '.[0] | {Id, Config: {Cmd: .Config.Cmd}, RootFS, GraphDriver}'");
  const { Id, Config, RootFS, GraphDriver } = image;
  console.log(JSON.stringify({ Id, Config: { Cmd: Config.Cmd }, RootFS, GraphDriver }, null, 2));

  title("The layers' directories, bottom to top: the layout of dockerd's overlay2 driver.");
  prompt("ovl chain hello:1.0 --dirs");
  const directories = captured("chain", "hello:1.0", "--dirs").trimEnd().split("\n");
  console.log(directories.join("\n"));
  for (const directory of directories) showLayer(dirname(directory));

  title("Every layer rebuilt bit for bit from its files, and compared with its diff_id.");
  ovl("verify", "hello:1.0");

  title("One letter of one file changes behind ovl's back ...");
  const victim = join(directories[0], "etc/os-release");
  prompt(`sed -i s/Hello/Hallo/ ${victim.replace(root, "$OVL_ROOT")}`);
  writeFileSync(victim, readFileSync(victim, "utf8").replace("Hello", "Hallo"));
  ovlFails(1, "verify", "hello:1.0");
  writeFileSync(victim, readFileSync(victim, "utf8").replace("Hallo", "Hello"));

  title("... and back. Saved again, it is the same image.");
  ovl("save", "hello:1.0", "-o", join(scratch, "hello.tar"));
  ovl("id", join(scratch, "hello.tar"));
}

function title(text) {
  console.log(`\n${bold(text)}`);
}

function prompt(line) {
  console.log(cyan(`$ ${line}`));
}

/** Shown as it is typed, its output as it comes. */
function ovl(...args) {
  ovlFails(0, ...args);
}

function ovlFails(expected, ...args) {
  prompt(["ovl", ...args].join(" "));
  const { status } = spawnSync(process.execPath, [join(project, "bin/run.js"), ...args], {
    cwd: project,
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== expected) throw new Error(`ovl ${args.join(" ")}: exit ${status}, expected ${expected}`);
  if (status !== 0) console.log(dim(`(exit ${status})`));
}

function captured(...args) {
  const { status, stdout } = spawnSync(process.execPath, [join(project, "bin/run.js"), ...args], {
    cwd: project,
    env,
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`ovl ${args.join(" ")}: exit ${status}`);
  return stdout;
}

/** A layer's directory as a tree. */
function showLayer(directory) {
  console.log(`\n${bold(directory.replace(root, "$OVL_ROOT"))}`);
  showTree(directory, "");
}

function showTree(directory, indent) {
  const names = readdirSync(directory);
  names.forEach((name, i) => {
    const path = join(directory, name);
    const last = i === names.length - 1;
    console.log(`${dim(indent + (last ? "└─ " : "├─ "))}${name}${dim(notes(path))}`);
    if (lstatSync(path).isDirectory()) showTree(path, indent + (last ? "   " : "│  "));
  });
}

function xattrsOf(path) {
  const names = Buffer.alloc(64 * 1024);
  const length = llistxattr(Buffer.from(`${path}\0`), names, names.length);
  return names.toString("latin1", 0, Math.max(0, Number(length))).split("\0");
}

/** What overlayfs and whoever looks at a layer need to know of a file. */
function notes(path) {
  const stat = lstatSync(path);
  const found = [];
  if (stat.isSymbolicLink()) found.push(`-> ${readlinkSync(path)}`);
  if (stat.isCharacterDevice() && stat.rdev === 0) found.push("whiteout: char device 0:0");
  const opaque = xattrsOf(path).find((name) => name.endsWith(".overlay.opaque"));
  if (opaque !== undefined) found.push(`opaque: ${opaque}`);
  if (["link", "lower"].includes(basename(path))) found.push(readFileSync(path, "utf8"));
  else if (stat.isFile()) found.push(`${stat.size} B`);
  return found.length === 0 ? "" : `  ${found.join(", ")}`;
}

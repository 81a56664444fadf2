/**
 * Starts a command, or oclif, and is the one place where a failure becomes a line, a JSON document and an exit status.
 */
import { existsSync, readdirSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { osError } from "../errors.js";
import { asksForHelp, commandFirst, wantsJson } from "./argv.js";
import { versionLine } from "./version.js";

/** @param entry URL of the script that was started; oclif finds package.json above it */
export async function start(entry: string): Promise<void> {
  const argv = await ownFirst(commandFirst(await givenArguments()));
  const unwritten: Error[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    // A reader that has seen enough (`ovl images | head -1`) is no failure; a full disk is one.
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") unwritten.push(error);
    });
  }
  let isTold = false;
  try {
    await answer(argv, entry);
  } catch (thrown) {
    const { reportFailure } = await import("./failure.js");
    const json = wantsJson(argv);
    process.exitCode = reportFailure(thrown, argv, json);
    isTold = !json;
  }
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  const [error] = unwritten;
  if (error !== undefined && !isTold) process.exitCode = await reportUnwritten(error, argv);
  // Explicit: a handle that is left open must not keep a finished command alive.
  process.exit();
}

/** What Node could not read as text is seldom: what reads it loads half of ovl, which `--version` does not need. */
async function givenArguments(): Promise<string[]> {
  const argv = process.argv.slice(2);
  if (!argv.some((argument) => argument.includes("\ufffd"))) return argv;
  const { rawArguments } = await import("./raw-argv.js");
  return rawArguments(argv);
}

/** What stands behind the image of `create` is its command's, whatever it looks like. */
async function ownFirst([id, ...words]: readonly string[]): Promise<string[]> {
  if (id === undefined) return [];
  if (id !== "create") return [id, ...words];
  const { ovlFirst } = await import("./run-flags.js");
  return [id, ...ovlFirst(words)];
}

async function answer(argv: string[], entry: string): Promise<void> {
  const version = versionLine(argv);
  if (version !== null) return void process.stdout.write(`${version}\n`);
  const command = await plainCommand(argv);
  if (command !== null) return command.run(argv.slice(1));
  const { unknownCommand } = await import("./unknown-command.js");
  const commands = readdirSync(new URL("../commands", import.meta.url)).filter((file) => file.endsWith(".js"));
  const error = unknownCommand(
    argv,
    commands.map((file) => basename(file, ".js")),
  );
  if (error !== null) throw error;
  const { run } = await import("@oclif/core/run");
  // oclif would look for plugins of the user in what is an ordinary user's root.
  await run(argv, { root: fileURLToPath(entry), userPlugins: false });
}

interface CommandClass {
  run(argv: readonly string[]): Promise<void>;
}

/** A command of ovl that is to run, without loading oclif; null for help, other words and none at all. */
async function plainCommand(argv: readonly string[]): Promise<CommandClass | null> {
  const [id = ""] = argv;
  const module = new URL(`../commands/${id}.js`, import.meta.url);
  if (!/^[a-z]+$/.test(id) || !existsSync(module) || asksForHelp(argv)) return null;
  const { default: command } = (await import(module.href)) as { default: CommandClass };
  return command;
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}

/** On stderr also under --json: stdout takes nothing more. */
async function reportUnwritten(error: NodeJS.ErrnoException, argv: readonly string[]): Promise<number> {
  const { reportFailure } = await import("./failure.js");
  return reportFailure(osError(error.code ?? "EIO", "write the answer", {}, error), argv, false);
}

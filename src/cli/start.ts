/** Starts a command, or oclif, and is the one place where a failure becomes a line, a JSON document and an exit status. */
import { existsSync } from "node:fs";
import { osError } from "../errors.js";
import { asksForHelp, commandFirst, wantsJson } from "./argv.js";
import { versionLine } from "./version.js";

/** @param entry URL of the script that was started; oclif finds package.json above it */
export async function start(entry: string): Promise<void> {
  const argv = commandFirst(process.argv.slice(2));
  const unwritten: Error[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    // A reader that has seen enough (`ovl images | head -1`) is no failure; a full disk is one.
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") unwritten.push(error);
    });
  }
  const version = versionLine(argv);
  if (version !== null) {
    process.stdout.write(`${version}\n`);
    return;
  }
  try {
    const command = await plainCommand(argv);
    if (command !== null) await command.run(argv.slice(1));
    else await throughOclif(argv, entry);
  } catch (thrown) {
    const { reportFailure } = await import("./failure.js");
    process.exitCode = reportFailure(thrown, argv, wantsJson(argv));
  }
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  const [error] = unwritten;
  if (error !== undefined) process.exitCode = await reportUnwritten(error, argv);
  // Explicit: a handle that is left open must not keep a finished command alive.
  process.exit();
}

interface CommandClass {
  run(argv: readonly string[]): Promise<void>;
}

/** A command of ovl that is to run, without loading oclif; null for help, other words and none at all. */
async function plainCommand(argv: readonly string[]): Promise<CommandClass | null> {
  const [id = ""] = argv;
  const module = new URL(`../commands/${id}.js`, import.meta.url);
  if (!/^[a-z]+$/.test(id) || !existsSync(module) || (await asksForHelpOf(id, argv))) return null;
  const { default: command } = (await import(module.href)) as { default: CommandClass };
  return command;
}

/** What stands behind the image of `create` is its command's. */
async function asksForHelpOf(id: string, argv: readonly string[]): Promise<boolean> {
  if (!asksForHelp(argv) || id !== "create") return asksForHelp(argv);
  const { ovlFirst } = await import("./run-flags.js");
  return asksForHelp(ovlFirst(argv.slice(1)));
}

async function throughOclif(argv: string[], entry: string): Promise<void> {
  const { run } = await import("@oclif/core/run");
  await run(argv, entry);
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}

/** On stderr also under --json: stdout takes nothing more. */
async function reportUnwritten(error: NodeJS.ErrnoException, argv: readonly string[]): Promise<number> {
  const { reportFailure } = await import("./failure.js");
  return reportFailure(osError(error.code ?? "EIO", "write the answer", {}, error), argv, false);
}

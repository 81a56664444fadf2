/** Starts a command, or oclif, and is the one place where a failure becomes a line, a JSON document and an exit status. */
import { existsSync } from "node:fs";
import { asksForHelp, commandFirst, wantsJson } from "./argv.js";
import { versionLine } from "./version.js";

/** @param entry URL of the script that was started; oclif finds package.json above it */
export async function start(entry: string): Promise<void> {
  const argv = commandFirst(process.argv.slice(2));
  // A reader that has seen enough (`ovl images | head -1`) is no failure.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreBrokenPipe);
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
  if (!/^[a-z]+$/.test(id) || asksForHelp(argv) || !existsSync(module)) return null;
  const { default: command } = (await import(module.href)) as { default: CommandClass };
  return command;
}

async function throughOclif(argv: string[], entry: string): Promise<void> {
  const { run } = await import("@oclif/core/run");
  await run(argv, entry);
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

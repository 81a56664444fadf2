/** Starts oclif, and is the one place where a failure becomes a line, a JSON document and an exit status. */
import { commandFirst, wantsJson } from "./argv.js";
import { versionLine } from "./version.js";

/** @param entry URL of the script that was started; oclif finds package.json above it */
export async function start(entry: string): Promise<void> {
  const argv = commandFirst(process.argv.slice(2));
  // A reader that has seen enough (`ovl images | head -1`) is no failure; oclif itself sees to stdout.
  process.stderr.on("error", ignoreBrokenPipe);
  const version = versionLine(argv);
  if (version !== null) {
    process.stdout.write(`${version}\n`);
    return;
  }
  try {
    const { run } = await import("@oclif/core/run");
    await run(argv, entry);
  } catch (thrown) {
    const { reportFailure } = await import("./failure.js");
    process.exitCode = reportFailure(thrown, argv, wantsJson(argv));
  }
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  // Explicit: a handle that is left open must not keep a finished command alive.
  process.exit();
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

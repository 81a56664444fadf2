/** A failure as every command prints it: one line on stderr or one JSON document on stdout, and the exit status. */
import { asOvlError, type OvlError } from "../errors.js";
import { byteStringOf, displayName } from "../model/bytes.js";
import { wantsNoColor } from "./argv.js";
import { paint } from "./color.js";
import { withFileSystem } from "./full-disk.js";
import { writeJson } from "./output.js";
import { usageError } from "./usage.js";

/** Prints what was thrown; returns the exit status, the same for both forms. */
export function reportFailure(thrown: unknown, argv: readonly string[], json: boolean): number {
  const exit = silentExit(thrown);
  if (exit !== null) return exit;
  const error = withFileSystem(usageError(thrown, argv[0]) ?? asOvlError(thrown));
  if (json) writeJson({ error: { code: error.code, message: error.message, exit: error.exit, ...error.fields } });
  else process.stderr.write(`${failureLine(error, argv)}\n`);
  if (isSet(process.env["DEBUG"])) process.stderr.write(`${stackOf(error)}\n`);
  return error.exit;
}

/** Warnings in the same voice, a line each on stderr. */
export function writeWarnings(warnings: readonly { readonly message: string }[], noColor: boolean): void {
  const color = paint(process.stderr, noColor);
  for (const { message } of warnings) process.stderr.write(`${color.yellow("ovl: warning:")} ${oneLine(message)}\n`);
}

/** oclif's `exit()`: a status and nothing to say. */
function silentExit(thrown: unknown): number | null {
  if (!(thrown instanceof Error) || (thrown as NodeJS.ErrnoException).code !== "EEXIT") return null;
  return (thrown as Error & { oclif?: { exit?: number } }).oclif?.exit ?? 0;
}

function failureLine(error: OvlError, argv: readonly string[]): string {
  const color = paint(process.stderr, wantsNoColor(argv));
  const bug = "; this is a bug in ovl: please report it with what DEBUG=1 shows";
  return `${color.red("ovl:")} ${oneLine(error.message)}${error.code === "INTERNAL" ? bug : ""}`;
}

/** Whatever an archive or the system put into a message. */
function oneLine(message: string): string {
  return displayName(byteStringOf(message));
}

/** The stacks of an error and of its causes, which say where a library met what ovl then named. */
function stackOf(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}

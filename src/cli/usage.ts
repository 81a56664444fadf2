/** What oclif's parser refuses, in ovl's voice: USAGE, one line, with the nearest thing that exists. */
import { OvlError } from "../errors.js";
import { nearest } from "./suggest.js";

/** The parts of oclif's parse errors that say what was wrong. */
interface ParseFailure extends Error {
  readonly oclif?: unknown;
  readonly flags?: readonly string[];
  readonly args?: readonly (string | { readonly name?: string })[];
  readonly parse?: { readonly input?: { readonly flags?: Readonly<Record<string, unknown>> } };
}

/** A USAGE error when oclif refused the command line, else null. */
export function usageError(thrown: unknown, command: string | undefined): OvlError | null {
  if (thrown instanceof OvlError || !(thrown instanceof Error) || !("oclif" in thrown)) return null;
  const help = command === undefined || command.startsWith("-") ? "ovl --help" : `ovl ${command} --help`;
  return new OvlError("USAGE", `${reason(thrown)}; see ${help}`, {}, { cause: thrown });
}

function reason(failure: ParseFailure): string {
  const { flags, args } = failure;
  switch (failure.constructor.name) {
    case "NonExistentFlagsError":
      return unknownFlags(flags ?? [], Object.keys(failure.parse?.input?.flags ?? {}));
    case "RequiredArgsError":
      return `missing argument: ${(args ?? []).map(nameOf).join(", ").toUpperCase()}`;
    case "UnexpectedArgsError":
      return `unexpected argument: ${(args ?? []).map(nameOf).join(", ")}`;
    default:
      return sentence(failure.message);
  }
}

function unknownFlags(unknown: readonly string[], known: readonly string[]): string {
  const near = unknown
    .filter((flag) => flag.startsWith("--"))
    .map((flag) => nearest(flag.slice(2).replace(/=.*/s, ""), known))
    .find((flag) => flag !== null);
  const hint = near === undefined ? "" : `, did you mean --${near}?`;
  return `unknown flag: ${unknown.join(", ")}${hint}`;
}

function nameOf(arg: string | { readonly name?: string }): string {
  return typeof arg === "string" ? arg : (arg.name ?? "");
}

const EXCLUSIVE = /--(\S+?)=\S+ cannot also be provided when using --(\S+)/;

/** oclif's messages are paragraphs, coloured in part; the facts are in their lines. */
function sentence(message: string): string {
  const lines = message
    .replace(/\x1b\[[0-9;]*m/g, "")
    .replace(/\n?See more help with --help/g, "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^The following errors? occurred:$/.test(line));
  const text = lines.join(" ");
  const [, one, other] = EXCLUSIVE.exec(text) ?? [];
  if (one !== undefined) return `--${one} and --${other} exclude each other`;
  return text.charAt(0).toLowerCase() + text.slice(1);
}

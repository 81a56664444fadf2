/**
 * oclif `init` hook: an unknown command is a usage error with a near suggestion, in text and in JSON.
 * At a terminal the not-found plugin asks instead whether the near one was meant.
 */
import type { Hook } from "@oclif/core/hooks";
import { wantsJson } from "./argv.js";

const HELP_OR_VERSION = new Set(["--help", "-h", "--version", "-v"]);

const hook: Hook.Init = async ({ id, argv, config }) => {
  if (id === undefined || HELP_OR_VERSION.has(id) || argv.some((arg) => HELP_OR_VERSION.has(arg))) return;
  if (config.findCommand(id) !== undefined || config.findTopic(id) !== undefined) return;
  if (process.stdin.isTTY && process.stderr.isTTY && !id.startsWith("-") && !wantsJson(argv)) return;
  const { OvlError } = await import("../errors.js");
  const { nearest } = await import("./suggest.js");
  const word = id.split(":")[0] ?? id;
  const near = nearest(word, [...config.commandIDs, ...config.commands.flatMap((command) => command.aliases)]);
  const what = word.startsWith("-") ? "unknown flag" : "unknown command";
  const hint = near === null ? "" : `, did you mean ${near}?`;
  const error = new OvlError("USAGE", `${what}: ${word}${hint}; see ovl --help`);
  // oclif swallows what a hook throws unless it carries an exit status in this place.
  throw Object.assign(error, { oclif: { exit: error.exit } });
};

export default hook;

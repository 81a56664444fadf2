/** The line of `ovl --version`, word for word oclif's. */
import { readFileSync } from "node:fs";
import { isGlobalFlag } from "./argv.js";

const VERSION = new Set(["--version", "-v"]);

/**
 * null where the arguments ask for something else. Answered before oclif is loaded: that takes 100 ms, and
 * scripts ask for the version to see whether ovl is there.
 */
export function versionLine(argv: readonly string[]): string | null {
  const asked = argv.filter((word) => !isGlobalFlag(word));
  if (asked.length === 0 || !asked.every((word) => VERSION.has(word))) return null;
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { name, version } = JSON.parse(manifest) as { name: string; version: string };
  return `${name}/${version} ${process.platform}-${process.arch} node-${process.version}`;
}

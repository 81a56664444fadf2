/** The commands as oclif.manifest.json lists them, which a test of its own keeps fresh. */
import { readFileSync } from "node:fs";
import { repoPath } from "./repo.js";

export interface CommandEntry {
  readonly summary: string;
  readonly description?: string;
  readonly usage?: string | readonly string[];
  readonly examples?: readonly (string | { readonly description: string; readonly command: string })[];
  readonly flags: Readonly<Record<string, FlagEntry>>;
  readonly args: Readonly<Record<string, { readonly description: string }>>;
}

export interface FlagEntry {
  readonly name: string;
  readonly type: "boolean" | "option";
  readonly char?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly helpGroup?: string;
  readonly helpValue?: string;
  readonly options?: readonly string[];
  readonly default?: unknown;
  readonly env?: string;
}

/** By name, in the order of their names. */
export function commandEntries(): ReadonlyMap<string, CommandEntry> {
  const { commands } = JSON.parse(readFileSync(repoPath("oclif.manifest.json"), "utf8")) as {
    commands: Record<string, CommandEntry>;
  };
  return new Map(Object.entries(commands));
}

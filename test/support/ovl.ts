/** The compiled command line as users start it: a process of its own. */
import { repoPath } from "./repo.js";
import { type RunOptions, run } from "./run.js";

export interface OvlResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Nothing of the caller's environment decides what a test sees. */
const NEUTRAL = {
  OVL_ROOT: "",
  OVL_STORAGE_DRIVER: "",
  OVL_CONTENT_TYPE: "",
  DEBUG: "",
  NO_COLOR: "",
  FORCE_COLOR: "",
};

export async function ovl(args: readonly string[], options: RunOptions = {}): Promise<OvlResult> {
  const env = { ...NEUTRAL, ...options.env };
  const result = await run(process.execPath, [repoPath("bin/run.js"), ...args], { ...options, env });
  return { ...result, stdout: result.stdout.toString("utf8") };
}

/** The one document on stdout, which is JSON and nothing else. */
export async function ovlJson<T = unknown>(
  args: readonly string[],
  options: RunOptions = {},
): Promise<OvlResult & { readonly json: T }> {
  const result = await ovl([...args, "--json"], options);
  return { ...result, json: JSON.parse(result.stdout) as T };
}

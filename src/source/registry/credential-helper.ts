/** Programs that keep credentials: `docker-credential-NAME get|store|erase`, spoken to over stdin and stdout. */
import { spawn } from "node:child_process";
import { OvlError } from "../../errors.js";
import { isJsonObject, objectOf } from "../../model/go-shape.js";
import type { AuthFile } from "./auth-file.js";
import type { Credentials } from "./options.js";
import { stopped } from "./retry.js";

const MAX_OUTPUT = 1024 * 1024;
/** Long enough for a person to unlock a key ring. */
const TIMEOUT_MS = 120_000;
/** In place of a user name: the secret is an identity token. */
const TOKEN_USER = "<token>";

/** The program that a file names for a registry, without its prefix; null where the file itself has the secrets. */
export function helperFor({ content }: AuthFile, keys: readonly string[]): string | null {
  const helpers = content["credHelpers"];
  const named = isJsonObject(helpers) ? keys.map((key) => helpers[key]).find((name) => typeof name === "string") : null;
  const helper = named ?? content["credsStore"];
  return typeof helper === "string" && helper !== "" ? helper : null;
}

/** null where the helper has none. Throws UNAUTHORIZED where it fails or is not there, and the signal's reason. */
export async function fromHelper(helper: string, key: string, signal?: AbortSignal): Promise<Credentials | null> {
  const { status, output } = await run(helper, "get", key, signal);
  if (status !== 0) {
    if (/credentials not found/i.test(output)) return null;
    throw failed(helper, "get");
  }
  const json = parse(output);
  const { Username: username, Secret: password } = objectOf(json);
  if (typeof username !== "string" || typeof password !== "string") throw failed(helper, "get");
  if (username === TOKEN_USER) return { username: "", password: "", identityToken: password };
  return { username, password, identityToken: null };
}

export async function storeInHelper(helper: string, key: string, { username, password }: Credentials): Promise<void> {
  const input = JSON.stringify({ ServerURL: key, Username: username, Secret: password });
  const { status } = await run(helper, "store", input);
  if (status !== 0) throw failed(helper, "store");
}

/** What is not there is erased already. */
export async function eraseInHelper(helper: string, key: string): Promise<void> {
  await run(helper, "erase", key);
}

function run(
  helper: string,
  action: string,
  input: string,
  signal?: AbortSignal,
): Promise<{ status: number | null; output: string }> {
  const program = `docker-credential-${helper}`;
  // A name with a slash would be a path, and some other program.
  if (!/^[A-Za-z0-9._-]+$/.test(helper)) throw failed(JSON.stringify(helper), action);
  return new Promise((resolve, reject) => {
    const child = spawn(program, [action], { stdio: ["pipe", "pipe", "ignore"] });
    // Not spawn's own timeout: Node leaves that running where the program is missing, and the process with it.
    const stop = () => child.kill();
    const timer = setTimeout(stop, TIMEOUT_MS);
    signal?.addEventListener("abort", stop, { once: true });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8");
      if (output.length > MAX_OUTPUT) child.kill();
    });
    const ended = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    };
    child.on("error", () => {
      ended();
      reject(failed(helper, action));
    });
    child.on("close", (status) => {
      ended();
      if (signal?.aborted) reject(stopped(signal));
      else resolve({ status, output });
    });
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** Without its output: that may be the secret. */
function failed(helper: string, action: string): OvlError {
  const program = `docker-credential-${helper}`;
  const message = `${program} ${action} failed; install it, or take it out of credsStore and credHelpers in docker's config.json`;
  return new OvlError("UNAUTHORIZED", message, { helper: program });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Who logs in where: from the flags, or asked on the terminal. */
import { Writable } from "node:stream";
import { isatty } from "node:tty";
import { OvlError } from "../errors.js";
import { parseReference } from "../model/reference.js";
import { DOCKER_HUB, isDockerHub } from "../source/registry/host.js";
import type { Credentials } from "../source/registry/options.js";
import { credentialsOf, type RegistryFlags } from "./registry-flags.js";

/** The registry that an argument means: a host, maybe written as an address; Docker Hub without one. Throws USAGE. */
export function registryOf(argument: string | undefined): string {
  if (argument === undefined) return DOCKER_HUB;
  const host = argument.replace(/^(?:https?|docker):\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
  if (isDockerHub(host)) return DOCKER_HUB;
  const { domain, path } = parseReference(`${host}/x`);
  // Without a dot or a port it would be a user of Docker Hub: a host like `registry` cannot be named by images either.
  if (path.endsWith("/x")) {
    throw new OvlError("USAGE", `${argument} is no registry; expected a host such as registry.example.com:5000`);
  }
  return domain;
}

/** Throws USAGE where nobody is named and there is no terminal to ask on. */
export async function credentialsFor(
  registry: string,
  flags: RegistryFlags,
  signal: AbortSignal,
): Promise<Credentials> {
  const named = flags["password-stdin"] === true ? await credentialsOf(flags, signal) : null;
  if (named !== null) return named;
  if (!isatty(0)) {
    throw new OvlError(
      "USAGE",
      `login to ${registry} needs --username NAME --password-stdin where there is no terminal`,
    );
  }
  const username = flags.username ?? (await ask(`Username for ${registry}: `, signal, "shown"));
  const password = username === "" ? "" : await ask("Password: ", signal, "hidden");
  if (username === "" || password === "") throw new OvlError("USAGE", "login needs a user name and a password");
  return { username, password, identityToken: null };
}

/** A line from the terminal; empty also where it ends without one. Throws the signal's reason. */
async function ask(question: string, signal: AbortSignal, echo: "shown" | "hidden"): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  let isQuiet = false;
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (!isQuiet) process.stderr.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  const ended = new Promise<null>((resolve) => lines.once("close", () => resolve(null)));
  let answer: string | null = null;
  try {
    const line = lines.question(question, { signal });
    isQuiet = echo === "hidden";
    answer = await Promise.race([line, ended]);
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    // Ctrl-D: some versions of Node say so, others only close.
    if ((thrown as NodeJS.ErrnoException).code !== "ABORT_ERR") throw thrown;
  } finally {
    lines.close();
    if (isQuiet || answer === null) process.stderr.write("\n");
  }
  return answer ?? "";
}

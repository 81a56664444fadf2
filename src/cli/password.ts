/** The password that `--password-stdin` promises. */
import { OvlError } from "../errors.js";
import { PipeSource } from "../source/pipe-source.js";
import { unlessInterrupted } from "./interrupt.js";

/** Tokens of registries have a few kilobytes. */
const MAX_BYTES = 64 * 1024;

/** Standard input to its end, however long that takes to come. Throws USAGE, IO, and the signal's reason. */
export async function passwordOnStdin(signal: AbortSignal): Promise<string> {
  const input = new PipeSource(0, MAX_BYTES + 1);
  await unlessInterrupted(input.ready(), signal);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let chunk = input.read(); chunk !== null; chunk = input.read()) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_BYTES) throw refused(`standard input has more than ${MAX_BYTES} bytes, which no password has`);
  }
  // As docker does: one line end is the terminal's, not the password's.
  const password = textOf(Buffer.concat(chunks)).replace(/\r?\n$/, "");
  if (password === "") throw refused("standard input is empty");
  return password;
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Without a cause: nobody knows whether it quotes the password.
    throw refused("standard input is not UTF-8 text, and a password that was changed would not be the password");
  }
}

function refused(why: string): OvlError {
  return new OvlError("USAGE", `--password-stdin: ${why}`);
}

/** Arguments as the bytes that the shell gave, where Node has put U+FFFD in the place of what is not UTF-8. */
import { readFileSync } from "node:fs";
import { byteString, escapedText } from "../model/bytes.js";

/**
 * @param argv the last arguments of this process, as Node has them; given back as text that
 * `byteStringOf` makes bytes of
 */
export function rawArguments(argv: readonly string[]): string[] {
  const raw = byteString(readFileSync("/proc/self/cmdline")).split("\0").slice(0, -1).slice(-argv.length);
  return argv.map((argument, i) => {
    const bytes = raw[i];
    // A process that has given itself a title has no command line any more.
    const same = bytes !== undefined && Buffer.from(bytes, "latin1").toString("utf8") === argument;
    return same ? escapedText(byteString(Buffer.from(bytes, "latin1"))) : argument;
  });
}

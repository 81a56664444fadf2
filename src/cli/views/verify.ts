/** `ovl verify` for people: a line a target, its problems indented. */
import type { ChalkInstance } from "chalk";
import type { Verified } from "../verify-targets.js";
import { shown } from "./files.js";

export function verifyText({ targets }: Verified, color: ChalkInstance): string {
  return targets
    .flatMap(({ ok, target, imageId, problems }) => [
      [ok ? color.green("ok") : color.red("FAILED"), ...new Set([shown(target), imageId ?? shown(target)])].join(" "),
      ...problems.map(({ code, message }) => `  ${code}: ${shown(message)}`),
    ])
    .join("\n");
}

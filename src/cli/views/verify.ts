/** `ovl verify` for people: a line a target, its problems indented. */
import type { ChalkInstance } from "chalk";
import type { Verified } from "../verify-targets.js";

export function verifyText({ targets }: Verified, color: ChalkInstance): string {
  return targets
    .flatMap(({ ok, target, imageId, problems }) => [
      [ok ? color.green("ok") : color.red("FAILED"), ...new Set([target, imageId ?? target])].join(" "),
      ...problems.map(({ code, message }) => `  ${code}: ${message}`),
    ])
    .join("\n");
}

/** `ovl fsck` for people: a line a problem, what would be done about it below, and a sum. */
import type { ChalkInstance } from "chalk";
import type { FsckProblem, FsckReport } from "../../audit/fsck-report.js";
import { byteStringOf, displayName } from "../../model/bytes.js";
import { humanSize } from "../units.js";

export function fsckText({ problems, checked }: FsckReport, color: ChalkInstance): string {
  const paint = { error: color.red, warning: color.yellow, reclaimable: color.cyan };
  const lines = problems.flatMap(({ severity, code, message, repair, repaired, bytes }) => [
    `${paint[severity](severity)} ${code}: ${displayName(byteStringOf(message))}${size(bytes)}`,
    ...(repair === null ? [] : [`  ${repaired ? color.green("repaired") : "repair"}: ${repair}`]),
  ]);
  const { images, layers, containers } = checked;
  const counts = [count(images, "image"), count(layers, "layer"), count(containers, "container")].join(", ");
  return [...lines, `${counts} checked: ${sum(problems)}`].join("\n");
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? "" : "s"}`;
}

function size(bytes: number): string {
  return bytes === 0 ? "" : ` (${humanSize(bytes)})`;
}

function sum(problems: readonly FsckProblem[]): string {
  const remaining = problems.filter(({ repaired }) => !repaired);
  const done = problems.length - remaining.length;
  const mended = done === 0 ? "" : `, ${done} repaired`;
  if (remaining.length === 0) return `${done === 0 ? "no problems" : "no problems left"}${mended}`;
  const freed = remaining.reduce((total, { bytes }) => total + bytes, 0);
  return `${count(remaining.length, "problem")}${mended}${freed === 0 ? "" : `, ${humanSize(freed)} reclaimable`}`;
}

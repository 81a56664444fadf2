/** What the flags of `ovl save` mean together; combinations that say nothing sensible are refused. */
import { availableParallelism } from "node:os";
import { OvlError } from "../errors.js";
import type { LayerCompression } from "../layer/job.js";
import type { SaveFormat, SaveOptions } from "../store/save.js";

export interface SaveFlags {
  readonly output: string;
  readonly format: SaveFormat;
  readonly compress?: LayerCompression | undefined;
  readonly since?: string | undefined;
  readonly jobs?: number | undefined;
}

/** Throws USAGE. */
export function savePlan(flags: SaveFlags, json: boolean): Omit<SaveOptions, "signal" | "progress"> {
  const { output, format, since } = flags;
  const isDocker = format === "docker-archive";
  if (output === "") throw new OvlError("USAGE", "--output names no file");
  if (output === "-" && format === "oci") {
    throw new OvlError("USAGE", "--format oci writes a directory: name it with -o DIR, or use --format oci-archive");
  }
  if (output === "-" && json) {
    throw new OvlError("USAGE", "standard output cannot have both the archive and JSON; use -o FILE");
  }
  if (isDocker && flags.compress !== undefined && flags.compress !== "none") {
    throw new OvlError("USAGE", `layers of a docker archive are not compressed; pipe it through ${flags.compress}`);
  }
  if (!isDocker && since !== undefined) {
    throw new OvlError("USAGE", `--since needs --format docker-archive: an OCI layout must have every layer it names`);
  }
  return {
    output,
    format,
    compression: isDocker ? "none" : (flags.compress ?? "gzip"),
    since: since ?? null,
    jobs: flags.jobs ?? availableParallelism(),
  };
}

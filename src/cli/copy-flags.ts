/** What the arguments of `ovl cp` mean, and the tar that comes from standard input. */
import { decompress } from "../blob/decompress.js";
import { fileSource } from "../blob/file-source.js";
import { type CopyEnd, copyEnd } from "../container/copy-paths.js";
import { OvlError } from "../errors.js";
import { openRootfs } from "../source/rootfs-file.js";
import { unlessInterrupted } from "./interrupt.js";

type ContainerEnd = Extract<CopyEnd, { kind: "container" }>;
type OtherEnd = Exclude<CopyEnd, ContainerEnd>;

export type CopyPlan =
  | { readonly direction: "in"; readonly from: OtherEnd; readonly to: ContainerEnd }
  | { readonly direction: "out"; readonly from: ContainerEnd; readonly to: OtherEnd };

/** Throws USAGE. */
export function copyPlan(source: string, destination: string, json: boolean): CopyPlan {
  const [from, to] = [copyEnd(source), copyEnd(destination)];
  if (from.kind === "container") {
    if (to.kind === "container") throw new OvlError("USAGE", "cannot copy from a container to a container");
    if (to.kind === "stream" && json) {
      throw new OvlError("USAGE", "standard output cannot have both the tar and JSON; name a directory");
    }
    return { direction: "out", from, to };
  }
  if (to.kind !== "container") throw new OvlError("USAGE", "one side must be in a container: CONTAINER:PATH");
  return { direction: "in", from, to };
}

/** Standard input, decompressed. */
export async function tarOnInput(signal: AbortSignal) {
  const file = await unlessInterrupted(openRootfs("-"), signal);
  const tar = decompress(fileSource(file.range), file.location);
  return {
    read: () => tar.read(),
    [Symbol.dispose]() {
      tar[Symbol.dispose]();
      file[Symbol.dispose]();
    },
  };
}

/** `ovl mount` without arguments for people. */
import type { ListedMount } from "../../container/mount-list.js";
import { table } from "../table.js";
import { shortId } from "../units.js";

export function mountTable(mounts: readonly ListedMount[], { trunc }: { trunc: boolean }): string {
  return table(
    [
      { head: "PATH", cell: ({ path }: ListedMount) => path },
      { head: "KIND", cell: ({ kind }: ListedMount) => kind },
      { head: "ID", cell: ({ id }: ListedMount) => (trunc ? shortId(id) : id) },
      { head: "NAME", cell: ({ name }: ListedMount) => name },
      { head: "ACCESS", cell: ({ readOnly }: ListedMount) => (readOnly ? "read-only" : "read-write") },
    ],
    mounts,
  );
}

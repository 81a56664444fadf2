/** `ovl du` for people: images, containers, and the sum of all parts. */
import type { ContainerUse, Group, ImageUse, RootUse } from "../../audit/du.js";
import { type Column, table } from "../table.js";
import { humanSize, shortId } from "../units.js";

export function duText(use: RootUse, { trunc }: { trunc: boolean }): string {
  const id = (text: string) => (trunc ? shortId(text) : text);
  const size = (bytes: number) => humanSize(bytes, 4);
  const images: Column<ImageUse>[] = [
    { head: "IMAGE ID", cell: (image) => id(image.id) },
    { head: "SIZE", cell: (image) => size(image.size) },
    { head: "UNIQUE", cell: (image) => size(image.unique) },
    { head: "SHARED", cell: (image) => size(image.shared) },
    { head: "INODES", cell: ({ inodes }) => (inodes === null ? "" : String(inodes)) },
    { head: "NAMES", cell: ({ names }) => names.join(" ") },
  ];
  const containers: Column<ContainerUse>[] = [
    { head: "CONTAINER ID", cell: (container) => id(container.id) },
    { head: "SIZE", cell: (container) => size(container.size) },
    { head: "LOGS", cell: (container) => size(container.logs) },
    { head: "INODES", cell: ({ inodes }) => String(inodes) },
    { head: "NAME", cell: ({ name }) => name },
  ];
  const tables = [
    ...(use.images.length === 0 ? [] : [table(images, use.images)]),
    ...(use.containers.length === 0 ? [] : [table(containers, use.containers)]),
  ];
  return [...tables, sum(use, size)].join("\n\n");
}

function sum(use: RootUse, size: (bytes: number) => string): string {
  const own = use.containers.reduce((bytes, container) => bytes + container.size, 0);
  const parts: readonly (readonly [string, Group])[] = [
    ["layers of images, each once", use.layers],
    ["layers that no image has", use.unused],
    ["containers", { count: use.containers.length, size: own }],
    ["containers, nobody can say whose", use.unclaimed],
    ["build cache", use.buildCache],
    ["orphans", use.orphans],
  ];
  const shown = parts.filter(([, { count }]) => count > 0);
  const lines = shown.map(([name, { count, size: bytes }]) => [`${name} (${count})`, bytes] as const);
  const all = [...lines, ["short names and the like", use.other] as const, ["total", use.total] as const];
  const width = Math.max(...all.map(([name]) => name.length)) + 2;
  return all.map(([name, bytes]) => `${name.padEnd(width)}${size(bytes)}`).join("\n");
}

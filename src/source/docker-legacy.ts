import type { ArchiveTree } from "./archive-tree.js";
import type { SourceImage } from "./source.js";

export function isLegacyArchive(tree: ArchiveTree): boolean {
  return tree.has("repositories") || tree.directories().some((name) => tree.has(`${name}/json`));
}
export async function legacyImages(_tree: ArchiveTree): Promise<SourceImage[]> {
  return [];
}

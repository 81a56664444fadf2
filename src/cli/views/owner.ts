/** `ovl owner` for people: what was asked, then what it is and who has it. */
import type { Owner } from "../../audit/owner.js";
import { byteStringOf, displayName } from "../../model/bytes.js";
import { shortId } from "../units.js";

export function ownerText(owners: readonly Owner[], { trunc }: { trunc: boolean }): string {
  const id = (text: string) => (trunc ? shortId(text) : text);
  return owners.map((owner) => [heading(owner), ...details(owner, id)].join("\n")).join("\n");
}

function heading({ query, kind, chainId, images, containers }: Owner): string {
  const shown = displayName(byteStringOf(query.trim()));
  switch (kind) {
    case "image-layer":
      if (chainId !== null) return `${shown}: ${images.length > 0 ? "a layer of images" : "a layer that no image has"}`;
      return `${shown}: a layer that no entry of layerdb names: of a pull under way, or of an entry that is damaged`;
    case "container":
      return `${shown}: the read-write layer of ${containerName(containers)}`;
    case "container-init":
      return `${shown}: the init layer of ${containerName(containers)}`;
    case "build-cache":
      return `${shown}: BuildKit's build cache; "docker builder prune" frees it`;
    case "orphan":
      return `${shown}: an orphan, which nothing names`;
  }
}

function details({ cacheId, chainId, diffId, dir, images, containers, kind }: Owner, id: (text: string) => string) {
  const lines: string[] = [];
  const line = (name: string, value: string | null) => {
    if (value !== null) lines.push(`  ${`${name}:`.padEnd(12)}${value}`);
  };
  line("directory", dir ?? "not known");
  line("cache id", cacheId && id(cacheId));
  line("chain id", chainId && id(chainId));
  line("diff id", diffId && id(diffId));
  for (const image of images) line("image", [id(image.id), ...image.names].join(" "));
  if (chainId !== null && images.length === 0) line("image", "none");
  for (const container of containers) line("container", `${id(container.id)} ${printable(container.name)}`.trimEnd());
  if (kind === "orphan") line("see", "ovl fsck");
  return lines;
}

function containerName([container]: Owner["containers"]): string {
  if (container === undefined) return "a container that has lost its entry in layerdb, and nobody can say which";
  return `container ${container.name === "" ? container.id : printable(container.name)}`;
}

function printable(name: string): string {
  return displayName(byteStringOf(name));
}

/** `ovl push` for people: a line a layer, then the manifest. */
import type { Pushed } from "../push-image.js";
import { shortId } from "../units.js";

const WORDS = { pushed: "pushed", exists: "already there", mounted: "mounted from another repository" } as const;

export function pushedText({ layers, digest, size }: Pushed): string {
  const lines = layers.map((layer) => `${shortId(layer.digest)}: ${WORDS[layer.status]}`);
  return [...lines, `digest: ${digest} size: ${size}`].join("\n");
}

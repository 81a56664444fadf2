/** What `ovl chain` answers, of what is stored and of what is in a SOURCE. */
import { OvlError } from "../../errors.js";
import { type Chain, configChain, imageChain, lowerDirOption } from "../../store/chain.js";
import type { ImageTarget } from "../target.js";
import type { Warned } from "./warned.js";

export function chainOf(image: ImageTarget): Warned<Chain> {
  if (image.kind === "source") return { answer: configChain(image.image.config), warnings: [] };
  const { warnings, ...answer } = imageChain(image.store, image.id);
  return { answer, warnings };
}

/** What `--dirs` and `--lowerdir` print; null where neither is given. Throws NOT_FOUND where a layer is in no root. */
export function chainLines(chain: Chain, target: string, form: { dirs: boolean; lowerdir: boolean }): string | null {
  if (!form.dirs && !form.lowerdir) return null;
  const directories = chain.layers.map(({ dir, chainId }) => dir ?? nowhere(chainId, target));
  return form.dirs ? directories.join("\n") : lowerDirOption(chain);
}

function nowhere(chainId: string, target: string): never {
  const message = `layer ${chainId} of ${target} lies in no root, so it has no directory`;
  throw new OvlError("NOT_FOUND", message, { target, chainId });
}

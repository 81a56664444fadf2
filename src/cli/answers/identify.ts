/** What `ovl id` answers, of what is stored and of what is in a SOURCE. */
import { familiarString } from "../../model/reference.js";
import type { ImageTarget, Targets } from "../target.js";

export interface Identified {
  readonly target: string;
  readonly id: string;
  readonly names: readonly string[];
}

/** Every image that the arguments mean, in their order. */
export async function identify(targets: Targets, names: readonly string[]): Promise<Identified[]> {
  const identified: Identified[] = [];
  for (const name of names) {
    for (const image of await targets.all(name)) {
      identified.push({ target: image.target, id: image.id, names: namesOf(image) });
    }
  }
  return identified;
}

function namesOf(image: ImageTarget): readonly string[] {
  return image.kind === "source" ? image.image.names : image.store.repositories.of(image.id).map(familiarString);
}

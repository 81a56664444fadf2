/** The same question asked of what is stored and of what is in a SOURCE. */
import { inspectContainer } from "../container/inspect.js";
import { OvlError } from "../errors.js";
import type { JsonObject } from "../model/go-shape.js";
import { familiarString, parseReference } from "../model/reference.js";
import { type Chain, configChain, imageChain, lowerDirOption } from "../store/chain.js";
import { configHistory, type HistoryStep, imageHistory } from "../store/history.js";
import { inspectConfig, inspectImage } from "../store/inspect.js";
import type { StoreWarning } from "../store/warning.js";
import type { ImageTarget, Targets } from "./target.js";

export interface Warned<T> {
  readonly answer: T;
  readonly warnings: readonly StoreWarning[];
}

export function chainOf(image: ImageTarget): Warned<Chain> {
  if (image.kind === "source") return { answer: configChain(image.image.config), warnings: [] };
  const { warnings, ...answer } = imageChain(image.store, image.id);
  return { answer, warnings };
}

export function historyOf(image: ImageTarget): Warned<HistoryStep[]> {
  if (image.kind === "source") return { answer: configHistory(image.image.config, [], [image.id]), warnings: [] };
  const { history, warnings } = imageHistory(image.store, image.id);
  return { answer: history, warnings };
}

export function namesOf(image: ImageTarget): readonly string[] {
  return image.kind === "source" ? image.image.names : image.store.repositories.of(image.id).map(familiarString);
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

/** The objects of `docker inspect`, in the order of the arguments, and the first that is not there. */
export async function inspectAll(
  targets: Targets,
  names: readonly string[],
): Promise<Warned<JsonObject[]> & { readonly missing: OvlError | null }> {
  const answer: JsonObject[] = [];
  const warnings: StoreWarning[] = [];
  let missing: OvlError | null = null;
  for (const name of names) {
    // Of a container and an image of one name docker shows the container.
    const container = await targets.container(name);
    if (container !== null) {
      const inspected = inspectContainer(container.store, container.container);
      answer.push(inspected.inspect);
      warnings.push(...inspected.warnings);
      continue;
    }
    const found = await targets.all(name).catch((thrown: unknown) => notFound(thrown));
    if (found instanceof OvlError) missing ??= found;
    else {
      for (const inspected of found.map(inspectOf)) {
        answer.push(inspected.answer);
        warnings.push(...inspected.warnings);
      }
    }
  }
  return { answer, warnings, missing };
}

function notFound(thrown: unknown): OvlError {
  if (thrown instanceof OvlError && thrown.code === "NOT_FOUND") return thrown;
  throw thrown;
}

function inspectOf(image: ImageTarget): Warned<JsonObject> {
  if (image.kind === "stored") {
    const { inspect, warnings } = inspectImage(image.store, image.id);
    return { answer: inspect, warnings };
  }
  const { config, names, parent } = image.image;
  return {
    answer: inspectConfig(
      config,
      names.map((name) => parseReference(name, "BAD_ARCHIVE")),
      parent,
    ),
    warnings: [],
  };
}

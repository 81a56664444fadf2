/** What `ovl inspect` answers, of what is stored and of what is in a SOURCE. */
import { inspectContainer } from "../../container/inspect.js";
import { joined, OvlError } from "../../errors.js";
import type { JsonObject } from "../../model/go-shape.js";
import { parseReference } from "../../model/reference.js";
import { inspectConfig, inspectImage } from "../../store/inspect.js";
import type { StoreWarning } from "../../store/warning.js";
import type { ImageTarget, Targets } from "../target.js";
import type { Warned } from "./warned.js";

/**
 * The objects of `docker inspect`, in the order of the arguments, and one error for all that are not there or
 * may not be read.
 */
export async function inspectAll(
  targets: Targets,
  names: readonly string[],
): Promise<Warned<JsonObject[]> & { readonly missing: OvlError | null }> {
  const answer: JsonObject[] = [];
  const warnings: StoreWarning[] = [];
  const missing: OvlError[] = [];
  for (const name of names) {
    // Of a container and an image of one name docker shows the container.
    const container = await targets.container(name);
    if (container !== null) {
      const inspected = inspectContainer(container.store, container.container);
      answer.push(inspected.inspect);
      warnings.push(...inspected.warnings);
      continue;
    }
    const found = await targets.all(name).catch((thrown: unknown) => missingOf(targets, name, thrown));
    if (found instanceof OvlError) missing.push(found);
    else {
      for (const inspected of found.map(inspectOf)) {
        answer.push(inspected.answer);
        warnings.push(...inspected.warnings);
      }
    }
  }
  return { answer, warnings, missing: joined(missing) };
}

async function missingOf(targets: Targets, name: string, thrown: unknown): Promise<OvlError> {
  const why = await targets.missing(name, thrown).catch((refused: unknown) => refused);
  if (why instanceof OvlError && (why.code === "NOT_FOUND" || (why.code === "PERMISSION" && why !== thrown)))
    return why;
  throw why;
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

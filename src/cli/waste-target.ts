/** `ovl waste` of a stored image or of one in a SOURCE, and what it is allowed. */
import { availableParallelism } from "node:os";
import { type Waste, wasteOf } from "../audit/waste.js";
import { listStored } from "../audit/waste-stored.js";
import { OvlError } from "../errors.js";
import type { LayerProgress } from "../layer/progress.js";
import type { ImageId } from "../model/digest.js";
import { listSource } from "../store/list-source.js";
import type { ImageTarget } from "./target.js";
import { parseSize } from "./units.js";

export interface WasteAnswer extends Waste {
  readonly imageId: ImageId;
}

export interface WasteRun {
  readonly jobs?: number | undefined;
  readonly maxLayerBytes?: number | undefined;
  readonly signal: AbortSignal;
  readonly progress: LayerProgress;
}

export async function wasteOfTarget(
  target: ImageTarget,
  { jobs = availableParallelism(), ...run }: WasteRun,
): Promise<{ answer: WasteAnswer; warnings: readonly { readonly message: string }[] }> {
  if (target.kind === "source") {
    const layers = await listSource(target.image, { jobs, ...run });
    return { answer: { imageId: target.id, ...wasteOf(layers) }, warnings: [] };
  }
  const { layers, warnings } = listStored(target.store, target.id);
  return { answer: { imageId: target.id, ...wasteOf(layers) }, warnings };
}

export interface WasteLimits {
  readonly minEfficiency: number | null;
  readonly maxWasted: number | null;
}

/** Throws USAGE for what is no ratio and no size. */
export function wasteLimits(minEfficiency: string | undefined, maxWasted: string | undefined): WasteLimits {
  return {
    minEfficiency: minEfficiency === undefined ? null : ratio(minEfficiency),
    maxWasted: maxWasted === undefined ? null : parseSize(maxWasted, "--max-wasted"),
  };
}

/**
 * What is not as it should be, a sentence each.
 * @param isWhole whether all layers were counted: nothing less is held to a limit
 */
export function exceeded(
  { efficiency, wastedBytes }: Waste,
  { minEfficiency, maxWasted }: WasteLimits,
  isWhole: boolean,
): string[] {
  const found: string[] = [];
  if (!isWhole && (minEfficiency !== null || maxWasted !== null)) {
    found.push("not every layer could be counted, so the image is held to no limit; mend the root, then ask again");
  }
  if (minEfficiency !== null && efficiency < minEfficiency) {
    found.push(`efficiency ${efficiency.toFixed(4)} is below the ${minEfficiency} that --min-efficiency asks for`);
  }
  if (maxWasted !== null && wastedBytes > maxWasted) {
    found.push(`${wastedBytes} bytes are wasted, more than the ${maxWasted} that --max-wasted allows`);
  }
  return found;
}

function ratio(text: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)(%?)$/.exec(text);
  const value = match === null ? Number.NaN : Number(match[1]) / (match[2] === "%" ? 100 : 1);
  if (value >= 0 && value <= 1) return value;
  throw new OvlError(
    "USAGE",
    `--min-efficiency takes a ratio from 0 to 1 or a percentage, not ${JSON.stringify(text)}`,
  );
}

import type { Kind } from "./kind.js";
import { rootKind } from "./root-kind.js";
import { sourceKind } from "./source-kind.js";
import { splitKind } from "./split-kind.js";
import { streamKind } from "./stream-kind.js";
import { tarKind } from "./tar-kind.js";

export const KINDS = {
  tar: tarKind,
  stream: streamKind,
  split: splitKind,
  source: sourceKind,
  root: rootKind,
} as const satisfies Record<string, Kind>;

export type KindName = keyof typeof KINDS;

/** An image config: the exact bytes, whose sha256 is the image id, beside what they say. */
import type { DiffId, ImageId } from "./digest.js";
import type { Platform } from "./platform.js";

export interface HistoryEntry {
  /** As written in the config; null where absent. */
  readonly created: string | null;
  readonly createdBy: string;
  readonly comment: string;
  readonly author: string;
  readonly emptyLayer: boolean;
}

export interface ImageConfig {
  readonly bytes: Uint8Array;
  readonly id: ImageId;
  /** Bottom to top. */
  readonly diffIds: readonly DiffId[];
  readonly history: readonly HistoryEntry[];
  readonly platform: Platform;
  /** RFC 3339 as written; null where absent. */
  readonly created: string | null;
  /** The whole document, for `inspect`. Shape-checked only where this interface names it. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** One fault of a root, and the steps that would mend it: data, so that a plan can be shown, and done later. */
import type { ByteString } from "../model/bytes.js";
import type { CacheId, ChainId, DiffId } from "../model/digest.js";
import { FSCK_CODES, type FsckCode, type Severity } from "./fsck-codes.js";
import type { Doubt } from "./fsck-doubts.js";
import type { Field } from "./fsck-picture.js";
import type { LayerNode } from "./layer-headers.js";

export interface Finding {
  readonly code: FsckCode;
  readonly severity: Severity;
  /** The layer, image or container, else the path. */
  readonly subject: string;
  /** Absolute path of what is at fault. */
  readonly path: string;
  readonly message: string;
  /** On disk, of what a repair would free; else 0. */
  readonly bytes: number;
  /** In order; empty where nothing can be done, or only with what --source brings. */
  readonly steps: readonly Step[];
  /** What is to be brought from --source; null for nothing. */
  readonly restore: Restore | null;
}

/** Each can be done again after it was done, wholly or in part. */
export type Step =
  | { readonly do: "write"; readonly path: string; readonly content: string; readonly mode: number }
  | { readonly do: "link"; readonly path: string; readonly target: string }
  | { readonly do: "mkdir"; readonly path: string; readonly mode: number }
  /** Nobody's data: what can be made again, or was never finished. */
  | { readonly do: "remove"; readonly path: string }
  /** An empty directory. */
  | { readonly do: "rmdir"; readonly path: string }
  | { readonly do: "rename"; readonly path: string; readonly to: string }
  /** To ROOT/ovl-lost+found. */
  | { readonly do: "set-aside"; readonly path: string }
  | { readonly do: "keep-copy"; readonly path: string }
  | { readonly do: "unmount"; readonly path: string }
  /** A layer's directory with its short name. */
  | { readonly do: "drop-directory"; readonly cacheId: CacheId }
  | { readonly do: "drop-layer"; readonly chainId: ChainId; readonly diffId: DiffId; readonly cacheId: CacheId }
  /** The files of one that was never listed, with the volumes made for it alone. */
  | { readonly do: "drop-container"; readonly containerId: string }
  /** Of one whose removal was interrupted. */
  | { readonly do: "finish-removal"; readonly containerId: string }
  | { readonly do: "init-layer"; readonly containerId: string }
  /** Writes `cache-id`, if exactly one of the directories rebuilds to the layer. */
  | {
      readonly do: "find-directory";
      readonly chainId: ChainId;
      readonly diffId: DiffId;
      readonly candidates: readonly CacheId[];
    }
  /** `then`, if the layers have the directories that their `cache-id` say; where one has another, that is written. */
  | { readonly do: "prove-directories"; readonly layers: readonly Doubt[]; readonly then: readonly Step[] }
  /** What a header said of an entry of a layer. */
  | { readonly do: "mend-entry"; readonly cacheId: CacheId; readonly name: ByteString; readonly node: LayerNode }
  | { readonly do: "count-size"; readonly chainId: ChainId; readonly cacheId: CacheId };

/** A layer whose parts --source can bring, or a config. */
export type Restore =
  | { readonly kind: "layer"; readonly chainId: ChainId }
  | { readonly kind: "image"; readonly id: string };

export interface FindingFields {
  readonly subject: string;
  readonly path: string;
  /** Added to what the code says; begins with what was found. */
  readonly detail?: string;
  readonly bytes?: number;
  readonly steps?: readonly Step[];
  readonly restore?: Restore | null;
}

export function finding(code: FsckCode, fields: FindingFields): Finding {
  const { severity, what } = FSCK_CODES[code];
  const { subject, path, detail, bytes = 0, steps = [], restore = null } = fields;
  // What the path says already is not said again.
  const about = path.includes(subject.replace(/^sha256:/, "")) ? "" : ` (${subject})`;
  const message = `${path}${about} ${what}${detail === undefined ? "" : `: ${detail}`}`;
  return { code, severity, subject, path, message, bytes, steps, restore };
}

/** Whatever a damaged file holds, short enough for a message. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** What a file holds in the place of what it should. */
export function found(field: Field<unknown>): string {
  switch (field.state) {
    case "valid":
      return String(field.value);
    case "absent":
      return "nothing";
    case "empty":
      return "an empty file";
    case "invalid":
      return shown(field.found);
  }
}

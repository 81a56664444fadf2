/**
 * What work on layers tells while it runs. Whoever shows it decides how; the work itself knows of no terminal.
 * `key` names a layer of this run (its ChainID does: one DiffID can lie in several stacks).
 */
export interface LayerProgress {
  /** A layer of the work ahead, known before anything is done to it. A key given again is the same layer. */
  waiting(key: string, layer: { readonly label: string; readonly bytes: number }): void;
  /** `input` bytes of the blob, of the `bytes` announced, have been read. */
  working(key: string, input: number): void;
  /** Another kind of work on a layer begins, over `bytes`; `verb` says which: `uploading`, at most ten letters. */
  next?(key: string, step: { readonly verb: string; readonly bytes: number }): void;
  finished(key: string, outcome: LayerEnd): void;
}

export type LayerEnd = "extracted" | "exists" | "verified" | "saved" | "pushed" | "mounted" | "failed";

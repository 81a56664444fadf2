import type { LayerProgress } from "../../layer/progress.js";

/** For work that is done several times over: the same image asked for twice is two rows of layers. */
export function prefixed(progress: LayerProgress, prefix: string): LayerProgress {
  return {
    waiting: (key, layer) => progress.waiting(prefix + key, layer),
    working: (key, input) => progress.working(prefix + key, input),
    finished: (key, outcome) => progress.finished(prefix + key, outcome),
  };
}

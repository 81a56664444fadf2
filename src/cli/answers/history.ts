/** What `ovl history` answers, of what is stored and of what is in a SOURCE. */
import { configHistory, type HistoryStep, imageHistory } from "../../store/history.js";
import type { ImageTarget } from "../target.js";
import type { Warned } from "./warned.js";

export function historyOf(image: ImageTarget): Warned<HistoryStep[]> {
  if (image.kind === "source") return { answer: configHistory(image.image.config, [], [image.id]), warnings: [] };
  const { history, warnings } = imageHistory(image.store, image.id);
  return { answer: history, warnings };
}

/** An answer, and what should be known of it. */
import type { StoreWarning } from "../../store/warning.js";

export interface Warned<T> {
  readonly answer: T;
  readonly warnings: readonly StoreWarning[];
}

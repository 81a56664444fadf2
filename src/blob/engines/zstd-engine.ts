import { allOf, bestOf, type Candidate } from "./choice.js";
import { fzstd } from "./fzstd.js";
import { libzstd } from "./libzstd.js";
import { passesSelfTest, type ZstdEngine } from "./zstd.js";

const CANDIDATES: readonly Candidate<ZstdEngine>[] = [
  { library: null, load: (library) => libzstd(library, "node") },
  { library: "libzstd.so.1", load: (library) => libzstd(library, "libzstd.so.1") },
];

let chosen: ZstdEngine | null = null;

/**
 * The zstd engine of this process, chosen once: Node's own copy where it exports one (22.15 on), else
 * `libzstd.so.1`, else the fzstd package, which is eight times slower and leaves the frames' own checksums unread.
 */
export function zstdEngine(): ZstdEngine {
  chosen ??= bestOf(CANDIDATES, passesSelfTest) ?? fzstd();
  return chosen;
}

/** Every engine that works here, best first. */
export function zstdEngines(): ZstdEngine[] {
  return [...allOf(CANDIDATES, passesSelfTest), fzstd()];
}

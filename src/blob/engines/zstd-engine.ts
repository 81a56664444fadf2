import { engineChoice } from "./choice.js";
import { fzstd } from "./fzstd.js";
import { libraryOf } from "./koffi.js";
import { libzstd } from "./libzstd.js";
import { passesSelfTest, type ZstdEngine } from "./zstd.js";

let chosen: ZstdEngine | null = null;

/**
 * The zstd engine of this process, chosen once: Node's own copy where it exports one (22.15 on), else
 * `libzstd.so.1`, else the fzstd package, which is slower and leaves the frames' own checksums unread.
 */
export function zstdEngine(): ZstdEngine {
  chosen ??= choose();
  return chosen;
}

/** Every engine that works here, best first. */
export function zstdEngines(): ZstdEngine[] {
  return [nodeZstd, systemZstd, fzstd].map(attempt).filter((engine) => engine !== null);
}

function choose(): ZstdEngine {
  const native = engineChoice() === "node" ? [nodeZstd] : [nodeZstd, systemZstd];
  for (const candidate of native) {
    const engine = attempt(candidate);
    if (engine !== null) return engine;
  }
  return fzstd();
}

function nodeZstd(): ZstdEngine | null {
  const library = libraryOf(null);
  return library && libzstd(library, "node");
}

function systemZstd(): ZstdEngine | null {
  const library = libraryOf("libzstd.so.1");
  return library && libzstd(library, "libzstd.so.1");
}

function attempt(load: () => ZstdEngine | null): ZstdEngine | null {
  try {
    const engine = load();
    return engine !== null && passesSelfTest(engine) ? engine : null;
  } catch {
    return null;
  }
}

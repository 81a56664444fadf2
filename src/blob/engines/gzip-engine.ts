import { OvlError } from "../../errors.js";
import { engineChoice } from "./choice.js";
import { type DeflateEngine, passesSelfTest } from "./deflate.js";
import { isalDeflate, loadIsal } from "./isal.js";
import { libraryOf } from "./koffi.js";
import { zlibDeflate } from "./zlib.js";

let chosen: DeflateEngine | null = null;

/**
 * The deflate engine of this process, chosen once: ISA-L where it is installed, else the zlib inside Node,
 * else the system's (a Node that links zlib statically and hides it). There is no JavaScript fallback:
 * without koffi's native part ovl cannot write layers either.
 */
export function gzipEngine(): DeflateEngine {
  chosen ??= choose();
  return chosen;
}

/** Every engine that works here, best first. */
export function gzipEngines(): DeflateEngine[] {
  return [isal, nodeZlib, systemZlib].map(attempt).filter((engine) => engine !== null);
}

function choose(): DeflateEngine {
  const candidates = engineChoice() === "node" ? [nodeZlib] : [isal, nodeZlib, systemZlib];
  for (const candidate of candidates) {
    const engine = attempt(candidate);
    if (engine !== null) return engine;
  }
  throw new OvlError(
    "UNSUPPORTED_MEDIA_TYPE",
    "no gzip decoder: this Node exports no zlib, and neither libisal.so.2 nor libz.so.1 can be used; install zlib1g",
  );
}

function isal(): DeflateEngine | null {
  const library = loadIsal();
  return library && isalDeflate(library);
}

function nodeZlib(): DeflateEngine | null {
  const library = libraryOf(null);
  return library && zlibDeflate(library, "node");
}

function systemZlib(): DeflateEngine | null {
  const library = libraryOf("libz.so.1");
  return library && zlibDeflate(library, "libz.so.1");
}

function attempt(load: () => DeflateEngine | null): DeflateEngine | null {
  try {
    const engine = load();
    return engine !== null && passesSelfTest(engine) ? engine : null;
  } catch {
    return null;
  }
}

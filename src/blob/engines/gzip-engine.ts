import { OvlError } from "../../errors.js";
import { allOf, bestOf, type Candidate } from "./choice.js";
import { type DeflateEngine, passesSelfTest } from "./deflate.js";
import { ISAL, isalDeflate } from "./isal.js";
import { zlibDeflate } from "./zlib.js";

/** The system's zlib is for a Node that hides its own. There is no JavaScript one: layers need koffi anyway. */
const CANDIDATES: readonly Candidate<DeflateEngine>[] = [
  { library: ISAL, load: isalDeflate },
  { library: null, load: (library) => zlibDeflate(library, "node") },
  { library: "libz.so.1", load: (library) => zlibDeflate(library, "libz.so.1") },
];

let chosen: DeflateEngine | null = null;

/** The deflate engine of this process, chosen once. Throws UNSUPPORTED_MEDIA_TYPE where none works. */
export function gzipEngine(): DeflateEngine {
  chosen ??= bestOf(CANDIDATES, passesSelfTest);
  if (chosen !== null) return chosen;
  throw new OvlError(
    "UNSUPPORTED_MEDIA_TYPE",
    "gzip cannot be read here: this Node exports no zlib, and neither libisal.so.2 nor libz.so.1 is usable; install zlib1g",
  );
}

/** Every engine that works here, best first. */
export function gzipEngines(): DeflateEngine[] {
  return allOf(CANDIDATES, passesSelfTest);
}

/** Which entries of a stored layer docker could never give back, by the headers that its tar-split keeps. */
import { isAboutContent } from "../errors.js";
import { cleanPath } from "../tar/clean.js";
import { TarReader } from "../tar/reader.js";
import { decodeSplit } from "../tar-split/decode.js";
import { HeaderSource } from "../tar-split/header-source.js";
import { type Irreproducible, irreproducible } from "../tar-split/irreproducible.js";
import { openSplit } from "./split-file.js";

/** In the archive's order, up to a header that cannot be read or is of a sparse file. Throws IO. */
export function irreproducibleEntries(tarSplit: string): Irreproducible[] {
  const found: Irreproducible[] = [];
  try {
    using split = openSplit(tarSplit);
    const tar = new TarReader(new HeaderSource(decodeSplit(split, tarSplit)));
    for (let entry = tar.next(); entry !== null; entry = tar.next()) {
      const reason = irreproducible(entry, cleanPath(entry.name));
      if (reason !== null) found.push({ name: entry.name, reason });
      // How many bytes it had in the archive is not kept, so nobody can say where the next header begins.
      if (reason === "sparse") break;
    }
  } catch (thrown) {
    if (!isAboutContent(thrown)) throw thrown;
  }
  return found;
}

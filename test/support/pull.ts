/** What `ovl pull FILE --root ROOT` does, in this process: a whole corpus in the time of a few processes. */
import type { OvlError } from "../../src/errors.js";
import { asOvlError } from "../../src/errors.js";
import { openSource } from "../../src/source/open-source.js";
import { type PullOptions, type PullResult, pull } from "../../src/store/pull.js";
import { openStore } from "../../src/store/store.js";

export async function pullFile(
  root: string,
  source: string,
  options: Partial<PullOptions> = {},
): Promise<PullResult | OvlError> {
  try {
    const opened = await openSource(source);
    await using from = opened.source;
    const images = await from.images({ name: opened.name, platform: null });
    await using store = await openStore({ root, driver: null }, "write");
    return await pull(store, images, { tags: [], expect: null, strict: false, jobs: 2, ...options });
  } catch (thrown) {
    return asOvlError(thrown);
  }
}

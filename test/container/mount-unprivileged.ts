/** A process that tries to mount an image: `node mount-unprivileged.js ROOT DIR`. Run without the right to. */
import { mountImage } from "../../src/container/mount.js";
import { asOvlError } from "../../src/errors.js";
import { resolveImage } from "../../src/store/resolve.js";
import { openStore } from "../../src/store/store.js";

const [root = "", dir = ""] = process.argv.slice(2);
try {
  await using store = await openStore({ root, driver: null });
  await mountImage(store, resolveImage(store, "app:1"), { dir, readOnly: true, place: "private" });
  process.stdout.write("mounted\n");
} catch (thrown) {
  const { code, exit, message } = asOvlError(thrown);
  process.stdout.write(`${code} ${exit} ${message}\n`);
}

/** A process that adds images to a root as fast as it can: `node writer.js ROOT IMAGES`. Raced by tests. */
import { openStore } from "../../src/store/store.js";
import { addImage } from "./build.js";

const [root = "", count = "1"] = process.argv.slice(2);
for (let i = 0; i < Number(count); i++) {
  await using store = await openStore({ root, driver: null }, "write");
  addImage(store, ["base", `layer ${i}`, "top"], { names: [`image:${i}`], config: { author: `${i}` } });
}

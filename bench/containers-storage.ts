/** Tools that keep images in containers/storage, each time into a store of its own. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Contestant } from "./contests.js";
import { countBelow, expectSame, fresh, has, SCRATCH } from "./peers.js";

/** @param expected objects of all layers that must be there afterwards */
export function containersStorage(
  name: string,
  program: string,
  argv: (store: string) => string[],
  expected: number,
): Contestant {
  const store = join(SCRATCH, "containers");
  return {
    name,
    available: has(program),
    prepare: () => {
      spawnSync("umount", [`${store}/overlay`]);
      fresh("containers-run");
      return { argv: argv(fresh("containers")) };
    },
    check: () => {
      const home = join(store, "overlay");
      const layers = readdirSync(home).filter((layer) => existsSync(join(home, layer, "diff")));
      expectSame(
        name,
        layers.reduce((sum, layer) => sum + countBelow(join(home, layer, "diff")), 0),
        expected,
      );
      spawnSync("umount", [home]);
    },
  };
}

/** Imports a tar into a root, in a process whose memory can be looked at: prints the most that it took, in MiB. */
import { asOvlError } from "../../src/errors.js";
import { openRootfs } from "../../src/source/rootfs-file.js";
import { importRootfs } from "../../src/store/import.js";
import { openStore } from "../../src/store/store.js";

const [path = "", root = ""] = process.argv.slice(2);
let error: string | null = null;
try {
  using rootfs = await openRootfs(path);
  await using store = await openStore({ root, driver: null }, "write");
  await importRootfs(store, rootfs, {
    name: null,
    config: {},
    message: "",
    platform: { os: "linux", architecture: "amd64", variant: null },
    created: "2020-02-02T02:02:02Z",
  });
} catch (thrown) {
  error = asOvlError(thrown).stack ?? String(thrown);
}
process.stdout.write(`${JSON.stringify({ mib: process.resourceUsage().maxRSS >> 10, error })}\n`);

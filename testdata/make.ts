/**
 * Makes what lies in this directory again: `npm run testdata`.
 * With `-- --dockerd`, as root and with Docker 20.10, the root of a real daemon too; its ids are random, so that
 * it is another one each time.
 */
import { writeFileSync } from "node:fs";
import { repoPath } from "../test/support/repo.js";
import { makeDockerdRoot } from "./dockerd-root.js";
import { archives } from "./images.js";

for (const [name, bytes] of archives()) {
  writeFileSync(repoPath("testdata", name), bytes);
  console.log(`${name}: ${bytes.length} bytes`);
}
if (process.argv.includes("--dockerd")) await makeDockerdRoot(repoPath("testdata"));

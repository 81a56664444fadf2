import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { repoPath } from "../support/repo.js";
import { licences, lockedPackages } from "./licences.js";

/** Each lets anybody use, change and pass on, and asks for no more than its notice. */
const PERMISSIVE = new Set([
  "MIT",
  "ISC",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "0BSD",
  "CC0-1.0",
]);

describe("what ovl depends on", () => {
  const packages = lockedPackages();

  it("is listed in docs/licences.md as the lockfile has it", () => {
    assert.equal(readFileSync(repoPath("docs/licences.md"), "utf8"), licences(), "run `npm run docs`");
  });

  it("is under permissive licences", () => {
    const allowed = (license: string) =>
      license
        .replace(/[()]/g, "")
        .split(" OR ")
        .some((each) => each.split(" AND ").every((one) => PERMISSIVE.has(one)));
    assert.deepEqual(
      packages.filter(({ license }) => !allowed(license)),
      [],
    );
  });

  it("says the same of its licence where it is installed", () => {
    for (const { path, license } of packages) {
      const file = repoPath(path, "package.json");
      if (!existsSync(file)) continue;
      assert.equal((JSON.parse(readFileSync(file, "utf8")) as { license: string }).license, license, path);
    }
  });

  it("is pinned by version and content, wherever it is fetched from", () => {
    for (const { name, version, integrity, resolved } of packages) {
      assert.match(version, /^\d+\.\d+\.\d+/, name);
      assert.match(integrity ?? "", /^sha512-/, name);
      assert.equal(resolved, null, `${name}: the lockfile names a registry`);
    }
  });

  it("runs nothing when it is installed", () => {
    // koffi's script builds it from source where no package of the list has it built; ovl comes with
    // one for each Linux.
    assert.deepEqual(
      packages.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name),
      ["koffi"],
    );
    assert.match(readFileSync(repoPath(".npmrc"), "utf8"), /^ignore-scripts=true$/m);
    for (const machine of ["x64", "arm64"]) {
      assert.ok(packages.some(({ name, optional }) => name === `@koromix/koffi-linux-${machine}` && optional));
    }
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { asOvlError } from "../src/errors.js";

/** As `node:fs` throws it: libuv has no names for some of the kernel's errors. */
function thrown(errno: number, code: string): Error {
  return Object.assign(new Error(`${code}, mkdir '/r/x'`), { errno, code, syscall: "mkdir", path: "/r/x" });
}

test("a disk quota that is used up is no space, though Node has no name for it", () => {
  for (const code of ["Unknown system error -122", "UNKNOWN"]) {
    const error = asOvlError(thrown(-122, code));
    assert.deepEqual([error.code, error.exit, error.fields["errno"]], ["NO_SPACE", 6, "EDQUOT"]);
    assert.match(error.message, /^cannot mkdir \/r\/x: EDQUOT/);
  }
});

test("a symlink that cannot be made is called by its place, not by what it says", () => {
  const error = Object.assign(thrown(-28, "ENOSPC"), { syscall: "symlink", path: "../x/diff", dest: "/r/l/X" });
  assert.equal(asOvlError(error).fields["path"], "/r/l/X");
});

test("what Node has a name for keeps it", () => {
  assert.equal(asOvlError(thrown(-28, "ENOSPC")).fields["errno"], "ENOSPC");
  assert.equal(asOvlError(thrown(-5, "EIO")).code, "IO");
});

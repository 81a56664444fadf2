import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { reportFailure } from "../../src/cli/failure.js";
import { OvlError } from "../../src/errors.js";

/** What is written while something runs. */
function captured(act: () => void): { stdout: string; stderr: string } {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    mock.method(process[name], "write", (text: string) => {
      written[name] += text;
      return true;
    });
  }
  try {
    act();
  } finally {
    mock.restoreAll();
  }
  return written;
}

describe("reportFailure", () => {
  it("calls everything that is no OvlError a bug, exit 70", () => {
    let exit = 0;
    const { stderr } = captured(() => (exit = reportFailure(new TypeError("x is undefined"), ["id"], false)));
    assert.equal(exit, 70);
    assert.match(stderr, /^ovl: x is undefined; this is a bug in ovl/);
  });

  it("keeps a message on one line and a terminal unharmed, whatever an archive put into it", () => {
    const error = new OvlError("BAD_TAR", "entry a\nb\x1b]0;title\x07\u202e is bad");
    const { stderr } = captured(() => reportFailure(error, ["pull"], false));
    assert.equal(stderr, "ovl: entry a\\x0ab\\x1b]0;title\\x07\\u202e is bad\n");
  });

  it("puts the details beside code, message and exit", () => {
    const error = new OvlError("SIZE_MISMATCH", "too long", { expected: 1, actual: 2 });
    const { stdout, stderr } = captured(() => reportFailure(error, ["pull"], true));
    assert.deepEqual(JSON.parse(stdout), {
      error: { code: "SIZE_MISMATCH", message: "too long", exit: 1, expected: 1, actual: 2 },
    });
    assert.equal(stderr, "");
  });

  it("says nothing where a command has exited by itself", () => {
    const error = Object.assign(new Error("EEXIT: 0"), { code: "EEXIT", oclif: { exit: 0 } });
    let exit = -1;
    const written = captured(() => (exit = reportFailure(error, [], false)));
    assert.deepEqual([exit, written], [0, { stdout: "", stderr: "" }]);
  });
});

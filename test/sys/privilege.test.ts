import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { oracle } from "../support/oracles.js";
import { asOrdinaryUser } from "../support/ordinary-user.js";

/** What a process started by `prefix` says of itself. */
function asked(question: "canMakeLayers" | "isMachineRoot", ...prefix: string[]): string {
  const module = new URL("../../src/sys/privilege.js", import.meta.url).href;
  const code = `import(${JSON.stringify(module)}).then((m) => console.log(m.${question}()))`;
  const [program, ...args] = [...prefix, process.execPath, "-e", code];
  const { stdout, stderr } = spawnSync(program as string, args, { encoding: "utf8" });
  assert.equal(stderr, "");
  return stdout.trim();
}

describe("the rights that layers take", { skip: oracle("root", "unshare") }, () => {
  it("are those of root of the machine", () => {
    assert.equal(asked("canMakeLayers"), "true");
    assert.equal(asked("isMachineRoot"), "true");
  });

  it("are not those of an ordinary user", () => {
    const [program, args] = asOrdinaryUser("env");
    assert.equal(asked("canMakeLayers", program, ...args), "false");
  });

  it("are not those of root in a container without the capabilities for devices and trusted attributes", () => {
    for (const lost of ["mknod", "sys_admin", "chown"]) {
      assert.equal(asked("canMakeLayers", "setpriv", `--bounding-set=-${lost}`, `--inh-caps=-${lost}`), "false", lost);
    }
  });

  it("are not those of root in a user namespace", () => {
    assert.equal(asked("isMachineRoot", "unshare", "-r"), "false");
    assert.equal(asked("canMakeLayers", "unshare", "-r"), "false");
  });
});

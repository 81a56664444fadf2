import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { summarized } from "../../src/layer/apply-warnings.js";

describe("warnings of several layers", () => {
  const leftOut = (name: string, count: number) => ({
    code: "UNPRIVILEGED",
    name,
    message: `left out: ${name}`,
    count,
  });
  const lost = (name: string) => ({ code: "IRREPRODUCIBLE", name, message: `${name} is lost`, count: 1 });

  it("say once what is true of many entries, with their number", () => {
    const [warning, ...others] = summarized([leftOut("dev/console", 20), leftOut("etc/shadow", 2)]);
    assert.deepEqual(others, []);
    assert.equal(warning?.message, "left out: dev/console; and 21 more of this kind");
  });

  it("name every entry that can never be given back", () => {
    const warnings = summarized([lost("a"), leftOut("c", 1), lost("b")]);
    assert.deepEqual(
      warnings.map(({ message }) => message),
      ["a is lost", "left out: c", "b is lost"],
    );
  });
});

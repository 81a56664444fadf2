import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { it } from "node:test";
import { PlainDisplay } from "../../../src/cli/progress/plain.js";
import { written } from "../../support/written.js";

it("plain progress is one line for each layer that has ended, and nothing that moves", () => {
  const stream = new PassThrough();
  let now = 1000;
  using display = new PlainDisplay(stream, () => now);
  display.waiting("a", { label: "a".repeat(64), bytes: 45_600_000 });
  display.waiting("b", { label: "b".repeat(64), bytes: 1200 });
  display.working("a");
  now = 2500;
  display.working("a");
  display.finished("a", "extracted");
  display.finished("a", "extracted");
  display.finished("b", "exists");
  assert.equal(written(stream), "[1/2] aaaaaaaaaaaa: extracted, 45.6MB in 1.5s\n[2/2] bbbbbbbbbbbb: exists, 1.2kB\n");
});

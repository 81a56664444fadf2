import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { Chalk } from "chalk";
import { cellWidth } from "../../../src/cli/cells.js";
import { type BarLayer, barLine, summaryLine } from "../../../src/cli/progress/bar-line.js";
import { BarsDisplay } from "../../../src/cli/progress/bars.js";
import { written } from "../../support/written.js";

const style = { color: new Chalk({ level: 0 }), unicode: true, verb: "extracting" };
const layer: BarLayer = {
  label: "8f3c2a1b9d0e".padEnd(64, "0"),
  bytes: 45_600_000,
  done: 22_800_000,
  state: "working",
  since: 0,
  rate: 31_200_000,
};

describe("barLine", () => {
  it("shows id, state, share, bytes and rate", () => {
    assert.equal(
      barLine(layer, 80, style),
      "8f3c2a1b9d0e extracting ━━━━━━━━━━━━━━━──────────────── 22.8MB/45.6MB 31.2MB/s",
    );
  });

  it("fits into every width, and never touches the last column", () => {
    for (let columns = 2; columns <= 200; columns++) {
      for (const state of ["waiting", "working", "exists", "extracted", "verified", "failed"] as const) {
        const width = cellWidth(barLine({ ...layer, state }, columns, style));
        assert.ok(width < columns, `${width} cells in ${columns} columns`);
      }
    }
  });

  it("draws with ASCII where the terminal speaks nothing else", () => {
    assert.match(barLine(layer, 80, { ...style, unicode: false }), /^[\x20-\x7e]+$/);
  });

  it("takes a blob that is longer than announced, and an empty one", () => {
    assert.doesNotThrow(() => barLine({ ...layer, done: 99_000_000 }, 80, style));
    assert.doesNotThrow(() => barLine({ ...layer, bytes: 0, done: 0 }, 80, style));
  });
});

it("summaryLine counts what has ended", () => {
  const layers = [layer, { ...layer, state: "exists" as const }, { ...layer, state: "failed" as const }];
  assert.equal(summaryLine(layers, 80), "2 of 3 layers finished");
});

describe("BarsDisplay", () => {
  const terminal = (rows: number) => {
    const stream = Object.assign(new PassThrough(), { columns: 80, rows, isTTY: true });
    return stream as unknown as NodeJS.WriteStream & PassThrough;
  };

  it("hides the cursor while it draws and shows it again at the end", () => {
    const stream = terminal(24);
    {
      using display = new BarsDisplay(stream, style);
      display.waiting("a", { label: layer.label, bytes: 10 });
      display.working("a", 5);
      display.finished("a", "extracted");
    }
    const text = written(stream);
    assert.ok(text.startsWith("\x1b[?25l"));
    assert.ok(text.endsWith("\x1b[?25h"));
    assert.match(text, /8f3c2a1b9d0e extracted/);
  });

  it("writes nothing when there was no layer to show", () => {
    const stream = terminal(24);
    new BarsDisplay(stream, style)[Symbol.dispose]();
    assert.equal(stream.read(), null);
  });

  it("stays below the height of the terminal with more layers than lines", () => {
    const stream = terminal(5);
    {
      using display = new BarsDisplay(stream, style);
      for (let i = 0; i < 30; i++) display.waiting(String(i), { label: layer.label, bytes: 10 });
      display.working("7", 3);
    }
    const picture = written(stream).split("\x1b[J").at(-1) ?? "";
    assert.equal(picture.split("\n").length - 1, 4);
    assert.match(picture, /extracting/);
    assert.match(picture, /0 of 30 layers finished/);
  });
});

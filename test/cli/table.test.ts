import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cellWidth, ellipsis } from "../../src/cli/cells.js";
import { table } from "../../src/cli/table.js";

const columns = [
  { head: "NAME", cell: (row: readonly string[]) => row[0] ?? "" },
  { head: "TAG", cell: (row: readonly string[]) => row[1] ?? "" },
  { head: "ID", cell: (row: readonly string[]) => row[2] ?? "" },
];

describe("table", () => {
  it("aligns as docker does: at least ten cells a column, three of them free", () => {
    assert.equal(
      table(columns, [
        ["nginx", "latest", "0123456789ab"],
        ["registry.example.com/team/app", "1", "ba9876543210"],
      ]),
      [
        "NAME                            TAG       ID",
        "nginx                           latest    0123456789ab",
        "registry.example.com/team/app   1         ba9876543210",
      ].join("\n"),
    );
  });

  it("prints the head alone when there is nothing", () => {
    assert.equal(table(columns, []), "NAME      TAG       ID");
  });

  it("leaves no blanks at the end of a line", () => {
    assert.equal(table(columns, [["a", "", ""]]).split("\n")[1], "a");
  });

  it("counts terminal cells: wide characters are two, combining ones none", () => {
    const lines = table(columns, [
      ["日本語", "x", "y"],
      ["e\u0301clair", "x", "y"],
      ["abc", "x", "y"],
    ]).split("\n");
    assert.deepEqual(
      lines.slice(1).map((line) => cellWidth(line.slice(0, line.indexOf("x")))),
      [10, 10, 10],
    );
  });

  it("counts two cells for a character that terminals draw as an emoji, wherever it stands, and for a flag", () => {
    for (const wide of ["✅", "⚡", "☕", "⭐", "🚀", "🪐", "🟠", "🇩🇪"]) assert.equal(cellWidth(wide), 2, wide);
    for (const narrow of ["✓", "☎", "🌡", "🕱"]) assert.equal(cellWidth(narrow), 1, narrow);
  });

  it("lets no control character through, and keeps a row on a line", () => {
    const text = table(columns, [["a\x1b[31mb", "c\nd", "\u202ee"]]);
    assert.equal(text.split("\n").length, 2);
    assert.doesNotMatch(text, /[\x1b\u202e]/);
  });
});

describe("ellipsis", () => {
  it("cuts to the width, the ellipsis included", () => {
    assert.equal(ellipsis("abcdef", 6), "abcdef");
    assert.equal(ellipsis("abcdefg", 6), "abcde…");
    assert.equal(ellipsis("日本語日本語", 6), "日本…");
  });
});

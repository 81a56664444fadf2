/** The documents speak of the commands, flags, exit codes and variables that there are. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { commandEntries } from "../support/manifest.js";
import { repoPath } from "../support/repo.js";
import { commandReference } from "./commands.js";

const commands = commandEntries();
const readme = read("README.md");
const documents = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", ...markdownIn("docs")];
/** Made of what the commands say of themselves. */
const GENERATED = "docs/commands.md";

function read(path: string): string {
  return readFileSync(repoPath(path), "utf8");
}

function markdownIn(directory: string): string[] {
  return readdirSync(repoPath(directory), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(directory, name));
}

/** What stands between a call of ovl and the end of that command, in blocks and in code within a line. */
function calls(markdown: string): string[] {
  const code = [...markdown.matchAll(/```[a-z]*\n([\s\S]*?)```|`(ovl [^`\n]*)`/g)].map(
    ([, block, inline]) => block ?? inline,
  );
  const spoken = /^\s*- name:.*$|(^|\s)# .*$/gm;
  return code.flatMap((text) =>
    [...(text as string).replace(spoken, "").matchAll(/(?:^|[\s$(|])ovl ([a-z](?:(?!\$\()[^\n;|)`"'])*)/g)].map(
      ([, rest]) => rest as string,
    ),
  );
}

describe("the documents", () => {
  it("have the command reference as it is generated", () => {
    assert.equal(read(GENERATED), commandReference(), "run `npm run docs`");
  });

  it("have a section in README for every command and for nothing else", () => {
    const sections = [...readme.matchAll(/^### ovl (.+)$/gm)].map(([, name]) => name as string);
    assert.deepEqual([...sections].sort(), [...commands.keys()].sort());
  });

  for (const document of documents.filter((name) => name !== GENERATED)) {
    it(`${document} calls commands that there are, with flags that they have`, () => {
      const unknown: string[] = [];
      for (const call of calls(read(document))) {
        const [name = "", ...words] = call.trim().split(/\s+/);
        const flags = commands.get(name)?.flags;
        if (flags === undefined) {
          unknown.push(call);
          continue;
        }
        const known = Object.values(flags).flatMap(({ name: long, char }) => [`--${long}`, `-${char}`]);
        const end = words.indexOf("--");
        for (const word of end === -1 ? words : words.slice(0, end)) {
          const flag = /^(--[a-z][a-z-]*|-[a-zA-Z])/.exec(word)?.[0];
          if (flag !== undefined && ![...known, "--help"].includes(flag)) unknown.push(`${name} ${flag}`);
        }
      }
      assert.deepEqual(unknown, []);
    });
  }

  for (const document of documents) {
    it(`${document} links to files that are there`, () => {
      const links = [...read(document).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)].map(([, target]) => target as string);
      const missing = links
        .filter((target) => !target.includes("://"))
        .filter((target) => !existsSync(repoPath(dirname(document), target)));
      assert.deepEqual(missing, []);
    });
  }

  it("list every exit status in README", () => {
    const table = /## Exit codes\n([\s\S]*?)\n## /.exec(readme)?.[1] ?? "";
    const listed = [...table.matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, cell]) =>
      (cell as string).split(", ").map(Number),
    );
    const schema = JSON.parse(read("docs/schema/error.json")) as {
      properties: { error: { properties: { exit: { enum: number[] } } } };
    };
    assert.deepEqual(listed, [0, ...schema.properties.error.properties.exit.enum]);
  });

  it("list every environment variable that the source reads in README", () => {
    const names = new Set<string>();
    for (const name of readdirSync(repoPath("src"), { recursive: true, encoding: "utf8" })) {
      if (!name.endsWith(".ts")) continue;
      const text = read(join("src", name));
      for (const [, variable] of text.matchAll(/\benv\["([A-Z_]+)"\]|\benv: "([A-Z_]+)"/g)) names.add(variable ?? "");
      for (const [, list] of text.matchAll(/const \{ ([A-Z_, ]+) \} = process\.env/g)) {
        for (const variable of (list as string).split(", ")) names.add(variable);
      }
    }
    const unlisted = [...names].filter((name) => name !== "" && !readme.includes(`\`${name}\``));
    assert.deepEqual(unlisted, []);
  });
});

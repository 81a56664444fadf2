/**
 * The `console` blocks of a Markdown file, run for real. Lines after `$ ` are commands, all others what they
 * print. Blocks of one file are one session: a root, and a directory with `testdata` in it.
 */
import { chmodSync, existsSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { repoPath } from "../support/repo.js";
import { run } from "../support/run.js";
import { scratch } from "../support/tmp.js";

export interface Example {
  /** Line of the command in its file, from 1. */
  readonly line: number;
  readonly command: string;
  readonly output: string;
}

export interface RunExample extends Example {
  readonly actual: string;
}

/** Where a document says that its root and its user's directory are. */
const [ROOT, HOME] = ["/srv/images", "/home/me"];

export function examplesIn(markdown: string): Example[] {
  const examples: { line: number; command: string; output: string }[] = [];
  let inside = false;
  markdown.split("\n").forEach((text, index) => {
    if (text.startsWith("```")) inside = text === "```console";
    else if (!inside) return;
    else if (text.startsWith("$ ")) examples.push({ line: index + 1, command: text.slice(2), output: "" });
    else {
      const last = examples.at(-1);
      if (last === undefined) throw new Error(`line ${index + 1}: output before the first command`);
      if (last.command.endsWith("\\") && last.output === "") last.command += `\n${text}`;
      else last.output += `${text}\n`;
    }
  });
  return examples;
}

/** Every example with what it prints now, and every random name that came up. */
export async function runExamples(examples: readonly Example[]): Promise<{
  readonly examples: readonly RunExample[];
  readonly random: ReadonlySet<string>;
}> {
  using dir = scratch("docs", 0);
  const [root, home] = [dir.join("root"), dir.dir("home")];
  for (const place of ["testdata", "docs"]) symlinkSync(repoPath(place), dir.join("home", place));
  const ovl = `#!/bin/sh\nexec ${process.execPath} ${repoPath("bin/run.js")} "$@"\n`;
  writeFileSync(`${dir.dir("bin")}/ovl`, ovl);
  chmodSync(dir.join("bin/ovl"), 0o755);
  // The images of testdata are for this platform, whatever the machine is.
  const cleared = {
    DOCKER_DEFAULT_PLATFORM: "linux/amd64",
    OVL_STORAGE_DRIVER: "",
    OVL_ENGINES: "",
    DEBUG: "",
    SOURCE_DATE_EPOCH: "",
    NO_COLOR: "",
  };
  const place = {
    OVL_ROOT: root,
    HOME: home,
    TMPDIR: dir.dir("tmp"),
    PATH: `${dir.join("bin")}:${process.env["PATH"]}`,
  };
  const random = new Set<string>();
  const done: RunExample[] = [];
  for (const example of examples) {
    const command = example.command.replaceAll(ROOT, root).replaceAll(HOME, home);
    const { stdout } = await run("bash", ["-c", `exec 2>&1\n${command}`], {
      cwd: home,
      env: { ...cleared, ...place, TZ: "UTC", LC_ALL: "C.UTF-8" },
    });
    namesIn(root, random);
    done.push({ ...example, actual: stdout.toString().replaceAll(root, ROOT).replaceAll(home, HOME) });
  }
  return { examples: done, random };
}

function namesIn(root: string, random: Set<string>): void {
  for (const place of ["overlay2", "overlay2/l", "containers"]) {
    const directory = `${root}/${place}`;
    if (!existsSync(directory)) continue;
    for (const name of readdirSync(directory)) for (const form of [name, name.slice(0, 12)]) random.add(form);
  }
}

/** Whether a document shows what is printed: random names, owners, ages, times of today and libraries may differ. */
export function agrees(example: RunExample, random: ReadonlySet<string>): boolean {
  const [expected, actual] = [words(example.output), words(example.actual)];
  return (
    expected.length === actual.length &&
    actual.every((word, i) => word === expected[i] || (random.has(word) && expected[i]?.length === word.length))
  );
}

/** Without what differs from user to user, as owners do, and what an ordinary user is told. */
function words(text: string): string[] {
  return text
    .replace(/^ovl: warning: left out, since only root .*\n/gm, "")
    .replace(/^(Engines: ).*$/gm, "$1")
    .replace(/^([-dlcbpsw][-rwxsStT]{9}) \d+:\d+/gm, "$1")
    .replace(/(?!2024)\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d/g, "TIME")
    .replace(/(Less than a|About an?|\d+) \w+ ago/g, "AGO")
    .split(/[\s/:"',=]+/)
    .filter((word) => word !== "");
}

/** The document as it is, or, where an output has changed, with all of them from this one session. */
export function rewritten(markdown: string, examples: readonly RunExample[], random: ReadonlySet<string>): string {
  if (examples.every((example) => agrees(example, random))) return markdown;
  const lines = markdown.split("\n");
  for (const example of [...examples].reverse()) {
    const start = example.line - 1 + example.command.split("\n").length;
    const shown = example.output.split("\n").length - 1;
    lines.splice(start, shown, ...example.actual.split("\n").slice(0, -1));
  }
  return lines.join("\n");
}

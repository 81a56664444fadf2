/** `npm run docs`: writes what is generated in the documents. */
import { readFileSync, writeFileSync } from "node:fs";
import { repoPath } from "../support/repo.js";
import { commandReference } from "./commands.js";
import { DOCUMENTS } from "./documents.js";
import { licences } from "./licences.js";
import { examplesIn, rewritten, runExamples } from "./transcript.js";

writeFileSync(repoPath("docs/commands.md"), commandReference());
writeFileSync(repoPath("docs/licences.md"), licences());
for (const document of DOCUMENTS) {
  const markdown = readFileSync(repoPath(document), "utf8");
  const { examples, random } = await runExamples(examplesIn(markdown));
  const bug = examples.find(({ actual }) => actual.includes("this is a bug in ovl"));
  if (bug !== undefined) throw new Error(`${document}:${bug.line}: ${bug.command}\n${bug.actual}`);
  writeFileSync(repoPath(document), rewritten(markdown, examples, random));
}

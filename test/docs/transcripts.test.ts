import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { repoPath } from "../support/repo.js";
import { DOCUMENTS } from "./documents.js";
import { agrees, examplesIn, runExamples } from "./transcript.js";

describe("what the documents show is what ovl prints:", () => {
  for (const document of DOCUMENTS) {
    it(document, async () => {
      const examples = examplesIn(readFileSync(repoPath(document), "utf8"));
      assert.ok(examples.length > 0);
      const { examples: done, random } = await runExamples(examples);
      for (const example of done) {
        if (agrees(example, random)) continue;
        const where = `${document}:${example.line}: $ ${example.command} (\`npm run docs\` writes it anew)`;
        assert.equal(example.actual, example.output, where);
      }
    });
  }
});

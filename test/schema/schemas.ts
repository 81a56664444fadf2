/** The schemas of docs/schema, compiled in Ajv's strict mode: an unknown keyword or a dangling `$ref` throws. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { repoPath } from "../support/repo.js";

const DIRECTORY = repoPath("docs/schema");

export const schemaNames: readonly string[] = readdirSync(DIRECTORY)
  .filter((name) => name.endsWith(".json"))
  .map((name) => basename(name, ".json"))
  .sort();

const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true });
for (const name of schemaNames) {
  ajv.addSchema(JSON.parse(readFileSync(join(DIRECTORY, `${name}.json`), "utf8")) as object, `${name}.json`);
}

export function schema(name: string): ValidateFunction {
  const validate = ajv.getSchema(`${name}.json`);
  if (validate === undefined) throw new Error(`no schema docs/schema/${name}.json`);
  return validate;
}

/** Empty where the value is valid. */
export function violations(name: string, value: unknown): string {
  const validate = schema(name);
  return validate(value) ? "" : ajv.errorsText(validate.errors, { dataVar: name, separator: "\n" });
}

/** Runs the JSON Schema Test Suite, which JSON Schema's authors keep, on the validator: `schema_suite.js FOLDER`. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseJson, Validator } from "../src/schema.js";

interface Group {
  description: string;
  schema: unknown;
  tests: { description: string; data: unknown; valid: boolean }[];
}

// A contract is whole in itself, so schemas that only a registry or a custom metaschema completes are not for it.
const NOT_OURS = ["refRemote.json", "vocabulary.json"];
const ELSEWHERE = /refers to https?:\/\/(localhost:1234|json-schema\.org)\//;
const DIALECTS = {
  "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
  "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
  draft7: "http://json-schema.org/draft-07/schema#",
};

function verdict(schema: unknown, data: unknown): boolean | string {
  try {
    return !new Validator(parseJson(JSON.stringify(schema))).validate(parseJson(JSON.stringify(data))).length;
  } catch (error) {
    return String(error);
  }
}

function dialected(schema: unknown, $schema: string): unknown {
  return typeof schema === "object" ? { $schema, ...schema } : schema;
}

const [folder = "."] = process.argv.slice(2);
let [passed, failed] = [0, 0];
for (const [draft, dialect] of Object.entries(DIALECTS)) {
  const root = join(folder, "tests", draft);
  for (const file of readdirSync(root).filter((name) => name.endsWith(".json") && !NOT_OURS.includes(name))) {
    for (const group of JSON.parse(readFileSync(join(root, file), "utf8")) as Group[]) {
      for (const { description, data, valid } of group.tests) {
        const found = verdict(dialected(group.schema, dialect), data);
        if (found === valid) passed++;
        else if (typeof found !== "string" || !ELSEWHERE.test(found)) {
          failed++;
          console.log(`${draft}/${file}: ${group.description}: ${description}: ${found}`);
        }
      }
    }
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed || !passed ? 1 : 0;

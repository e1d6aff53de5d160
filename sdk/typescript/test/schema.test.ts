import assert from "node:assert/strict";
import { test } from "node:test";
import { ContractValidator } from "../src/node.js";
import { Decimal } from "../src/numbers.js";

function problems(schema: object | string, data: string): string[] {
  const text = typeof schema === "string" ? schema : JSON.stringify(schema);
  return new ContractValidator(text).problems(data).map(({ path, keyword }) => `${path} ${keyword}`);
}

test("numbers are exact", () => {
  const order = ["-1e400", "-2.5", "0", "1e-400", "0.1", "9007199254740992", "9007199254740993", "1e999999999"];
  for (const [index, text] of order.entries()) {
    for (const [other, than] of order.entries()) {
      assert.equal(
        Math.sign(Decimal.parse(text).compare(Decimal.parse(than))),
        Math.sign(index - other),
        `${text} ${than}`,
      );
    }
  }
  assert.equal(Decimal.parse("-0.0").toString(), Decimal.parse("0").toString());
  assert.equal(Decimal.parse("1.50e1").toString(), Decimal.parse("15").toString());
});

test("a multiple is one in decimals", () => {
  for (const [value, of, expected] of [
    ["0.3", "0.1", true],
    ["19.99", "0.01", true],
    ["19.995", "0.01", false],
    ["1e999999999", "3", false],
    ["3e999999999", "3", true],
    ["0", "7", true],
  ] as const) {
    assert.equal(Decimal.parse(value).isMultipleOf(Decimal.parse(of)), expected, `${value} of ${of}`);
  }
});

test("every problem is named once, in order", () => {
  const schema = {
    type: "object",
    required: ["id", "name"],
    properties: { id: { type: "integer", maximum: 10 }, tags: { items: { $ref: "#/$defs/tag" } } },
    patternProperties: { "^x-": { type: "string" } },
    additionalProperties: false,
    $defs: { tag: { type: "string", minLength: 2 } },
  };
  const data = '{"id": 10.5, "tags": ["ok", "é", 1], "x-a/b": 1, "more": 1}';
  assert.deepEqual(problems(schema, data), [
    " additionalProperties",
    " required",
    "/id maximum",
    "/id type",
    "/tags/1 minLength",
    "/tags/2 type",
    "/x-a~1b type",
  ]);
});

test("big integers are told apart", () => {
  const schema = '{"const": 9007199254740993, "enum": [9007199254740993, 1], "maximum": 9007199254740993}';
  assert.deepEqual(problems(schema, "9007199254740993"), []);
  assert.deepEqual(problems(schema, "9007199254740992"), [" const", " enum"]);
  assert.deepEqual(problems(schema, "9007199254740994"), [" const", " enum", " maximum"]);
});

test("a reference that the schema does not contain is no silent success", () => {
  assert.throws(() => problems({ $ref: "https://example.com/other.json" }, "1"), /does not contain/);
});

/**
 * JSON Schema (2020-12, 2019-09, draft 7), interpreted.
 *
 * No code is made from a schema, so pages whose content security policy forbids `eval` can use it, and numbers are exact.
 * `format` is an annotation. Patterns are those of ECMAScript.
 */

import { parse } from "lossless-json";
import { Decimal } from "./numbers.js";

/** A JSON value whose numbers are exact. */
export type Json = null | boolean | string | Decimal | Json[] | { [key: string]: Json };

/** One thing that is wrong with a value. */
export interface Problem {
  /** JSON Pointer to the value. */
  path: string;
  /** Keyword of the schema that it breaks. */
  keyword: string;
}

/** Returns the value of a JSON text. */
export function parseJson(text: string): Json {
  return parse(text, null, (number) => Decimal.parse(number)) as Json;
}

/** What a schema has found: problems, and what of the value it has looked at. */
interface Outcome {
  problems: Problem[];
  keys: Set<string>;
  items: Set<number>;
}

type Schema = { [keyword: string]: Json };
type Place = { path: string; scope: readonly string[] };

const ROOT = "schema:///";

/** A schema that judges values. */
export class Validator {
  private readonly resources = new Map<string, Json>();
  private readonly bases = new WeakMap<object, string>();
  private readonly patterns = new Map<string, RegExp>();
  private readonly isOld: boolean;

  constructor(private readonly schema: Json) {
    const dialect = isObject(schema) && typeof schema.$schema === "string" ? schema.$schema : "";
    this.isOld = dialect.includes("draft-07");
    this.index(schema, ROOT);
    this.resources.set(ROOT, schema);
  }

  /** Returns every problem of the value once, sorted by path, then keyword. */
  validate(value: Json): Problem[] {
    const { problems } = this.judge(this.schema, value, { path: "", scope: [] });
    const found = new Map(problems.map((problem) => [`${problem.path}\n${problem.keyword}`, problem]));
    return [...found.values()].sort((a, b) => byBytes(a.path, b.path) || byBytes(a.keyword, b.keyword));
  }

  private index(node: Json, base: string): void {
    if (Array.isArray(node)) for (const item of node) this.index(item, base);
    if (!isObject(node)) return;
    const id = node.$id;
    const isResource = typeof id === "string" && !(this.isOld && ("$ref" in node || id.startsWith("#")));
    const own = isResource ? withoutFragment(resolve(id, base)) : base;
    if (isResource) this.resources.set(own, node);
    if (this.isOld && typeof id === "string" && id.startsWith("#")) this.resources.set(base + id, node);
    this.bases.set(node, own);
    for (const keyword of ["$anchor", "$dynamicAnchor"]) {
      const anchor = node[keyword];
      if (typeof anchor === "string") this.resources.set(`${own}#${anchor}`, node);
    }
    for (const [keyword, child] of Object.entries(node)) {
      if (!["const", "enum", "default", "examples"].includes(keyword)) this.index(child, own);
    }
  }

  private judge(schema: Json, value: Json, place: Place): Outcome {
    const outcome: Outcome = { problems: [], keys: new Set(), items: new Set() };
    if (schema === false) outcome.problems.push({ path: place.path, keyword: "false" });
    if (!isObject(schema)) return outcome;
    const base = this.bases.get(schema) ?? ROOT;
    const scope = place.scope.at(-1) === base ? place.scope : [...place.scope, base];
    const here = { path: place.path, scope };
    const fail = (broken: string) => outcome.problems.push({ path: place.path, keyword: broken });
    this.references(schema, value, here, base, outcome);
    if (this.isOld && "$ref" in schema) return outcome;
    this.assertions(schema, value, fail);
    this.inPlace(schema, value, here, outcome, fail);
    if (isObject(value)) this.members(schema, value, here, outcome, fail);
    if (Array.isArray(value)) this.elements(schema, value, here, outcome, fail);
    return outcome;
  }

  private references(schema: Schema, value: Json, place: Place, base: string, outcome: Outcome): void {
    if (typeof schema.$ref === "string") {
      merge(outcome, this.judge(this.find(schema.$ref, base), value, place));
    }
    if (typeof schema.$dynamicRef === "string") {
      const target = this.dynamic(schema.$dynamicRef, base, place.scope);
      merge(outcome, this.judge(target, value, place));
    }
    if (schema.$recursiveRef === "#") {
      merge(outcome, this.judge(this.recursive(base, place.scope), value, place));
    }
  }

  private find(reference: string, base: string): Json {
    const target = resolve(reference, base);
    const [resource = "", fragment = ""] = target.split("#");
    const known = this.resources.get(fragment ? target : resource);
    if (known !== undefined) return known;
    const root = this.resources.get(resource);
    const found =
      root !== undefined && /^\/|^$/.test(fragment) ? pointed(root, decodeURIComponent(fragment)) : undefined;
    if (found === undefined)
      throw new Error(`the schema refers to ${target.replace(ROOT, "")}, which it does not contain`);
    return found;
  }

  private dynamic(reference: string, base: string, scope: readonly string[]): Json {
    const target = this.find(reference, base);
    const anchor = isObject(target) ? target.$dynamicAnchor : undefined;
    if (typeof anchor !== "string" || !reference.endsWith(`#${anchor}`)) return target;
    for (const resource of scope) {
      const outer = this.resources.get(`${resource}#${anchor}`);
      if (isObject(outer) && outer.$dynamicAnchor === anchor) return outer;
    }
    return target;
  }

  private recursive(base: string, scope: readonly string[]): Json {
    const recursive = (resource: string) => {
      const root = this.resources.get(resource);
      return isObject(root) && root.$recursiveAnchor === true ? root : undefined;
    };
    if (!recursive(base)) return this.find("#", base);
    return scope.map(recursive).find((root) => root !== undefined) ?? this.find("#", base);
  }

  private assertions(schema: Schema, value: Json, fail: (keyword: string) => void): void {
    const { type } = schema;
    if (type !== undefined && ![type].flat().some((name) => hasType(value, name))) fail("type");
    if (Array.isArray(schema.enum) && !schema.enum.some((item) => key(item) === key(value))) fail("enum");
    if (schema.const !== undefined && key(schema.const) !== key(value)) fail("const");
    if (value instanceof Decimal) this.numeric(schema, value, fail);
    if (typeof value === "string") {
      const size = [...value].length;
      sized(schema, "minLength", "maxLength", size, fail);
      if (typeof schema.pattern === "string" && !this.pattern(schema.pattern).test(value)) fail("pattern");
    }
  }

  private numeric(schema: Schema, value: Decimal, fail: (keyword: string) => void): void {
    const against = (keyword: string, isBroken: (bound: Decimal) => boolean) => {
      const bound = schema[keyword];
      if (bound instanceof Decimal && isBroken(bound)) fail(keyword);
    };
    against("minimum", (bound) => value.compare(bound) < 0);
    against("maximum", (bound) => value.compare(bound) > 0);
    against("exclusiveMinimum", (bound) => value.compare(bound) <= 0);
    against("exclusiveMaximum", (bound) => value.compare(bound) >= 0);
    against("multipleOf", (divisor) => !value.isMultipleOf(divisor));
  }

  private inPlace(schema: Schema, value: Json, place: Place, outcome: Outcome, fail: (keyword: string) => void): void {
    const judged = (keyword: string) => list(schema[keyword]).map((child) => this.judge(child, value, place));
    for (const child of judged("allOf")) merge(outcome, child);
    for (const keyword of ["anyOf", "oneOf"]) {
      if (schema[keyword] === undefined) continue;
      const fitting = judged(keyword).filter(isFit);
      if (keyword === "oneOf" ? fitting.length !== 1 : !fitting.length) fail(keyword);
      else for (const child of fitting) merge(outcome, child);
    }
    if (schema.not !== undefined && isFit(this.judge(schema.not, value, place))) fail("not");
    if (schema.if !== undefined) {
      const condition = this.judge(schema.if, value, place);
      if (isFit(condition)) merge(outcome, condition);
      const branch = isFit(condition) ? "then" : "else";
      if (schema[branch] !== undefined) merge(outcome, this.judge(schema[branch], value, place));
    }
  }

  private members(
    schema: Schema,
    value: Schema,
    place: Place,
    outcome: Outcome,
    fail: (keyword: string) => void,
  ): void {
    const names = Object.keys(value);
    sized(schema, "minProperties", "maxProperties", names.length, fail);
    if (list(schema.required).some((name) => !Object.hasOwn(value, String(name)))) fail("required");
    if (isObject(schema.dependentRequired) && lacks(schema.dependentRequired, value)) fail("dependentRequired");
    if (isObject(schema.dependencies) && lacks(schema.dependencies, value)) fail("dependencies");
    for (const keyword of ["dependentSchemas", "dependencies"]) {
      for (const [name, child] of entries(schema[keyword])) {
        if (!Array.isArray(child) && Object.hasOwn(value, name)) merge(outcome, this.judge(child, value, place));
      }
    }
    const { propertyNames } = schema;
    if (propertyNames !== undefined && !names.every((name) => isFit(this.judge(propertyNames, name, place)))) {
      fail("propertyNames");
    }
    const seen = this.properties(schema, value, place, outcome);
    const others = names.filter((name) => !seen.has(name));
    const { additionalProperties: more } = schema;
    if (more === false && others.length) fail("additionalProperties");
    else if (more !== undefined) {
      for (const name of others)
        outcome.problems.push(...this.judge(more, value[name] as Json, into(place, name)).problems);
    }
    for (const name of more === undefined ? seen : names) outcome.keys.add(name);
    const { unevaluatedProperties: rest } = schema;
    if (rest === undefined) return;
    const unseen = names.filter((name) => !outcome.keys.has(name));
    if (!unseen.every((name) => isFit(this.judge(rest, value[name] as Json, place)))) fail("unevaluatedProperties");
    for (const name of unseen) outcome.keys.add(name);
  }

  private properties(schema: Schema, value: Schema, place: Place, outcome: Outcome): Set<string> {
    const seen = new Set<string>();
    const enter = (name: string, child: Json) => {
      seen.add(name);
      const { problems } = this.judge(child, value[name] as Json, into(place, name));
      outcome.problems.push(...problems);
    };
    for (const [name, child] of entries(schema.properties)) {
      if (Object.hasOwn(value, name)) enter(name, child);
    }
    for (const [pattern, child] of entries(schema.patternProperties)) {
      for (const name of Object.keys(value)) {
        if (this.pattern(pattern).test(name)) enter(name, child);
      }
    }
    return seen;
  }

  private elements(
    schema: Schema,
    value: Json[],
    place: Place,
    outcome: Outcome,
    fail: (keyword: string) => void,
  ): void {
    sized(schema, "minItems", "maxItems", value.length, fail);
    if (schema.uniqueItems === true && new Set(value.map(key)).size < value.length) fail("uniqueItems");
    const isTuple = Array.isArray(schema.items);
    const prefix = list(isTuple ? schema.items : schema.prefixItems);
    const rest = isTuple ? schema.additionalItems : schema.items; // the former before 2020-12
    for (const [index, item] of value.entries()) {
      const child = index < prefix.length ? prefix[index] : rest;
      if (child === undefined) continue;
      outcome.items.add(index);
      outcome.problems.push(...this.judge(child, item, into(place, String(index))).problems);
    }
    this.contains(schema, value, place, outcome, fail);
    const { unevaluatedItems } = schema;
    if (unevaluatedItems === undefined) return;
    const unseen = value.filter((_, index) => !outcome.items.has(index));
    if (!unseen.every((item) => isFit(this.judge(unevaluatedItems, item, place)))) fail("unevaluatedItems");
    for (const index of value.keys()) outcome.items.add(index);
  }

  private contains(
    schema: Schema,
    value: Json[],
    place: Place,
    outcome: Outcome,
    fail: (keyword: string) => void,
  ): void {
    const { contains, minContains, maxContains } = schema;
    if (contains === undefined) return;
    const fitting = [...value.keys()].filter((index) => isFit(this.judge(contains, value[index] as Json, place)));
    const count = Decimal.parse(String(fitting.length));
    if (minContains === undefined && !fitting.length) fail("contains");
    if (minContains instanceof Decimal && count.compare(minContains) < 0) fail("minContains");
    if (maxContains instanceof Decimal && count.compare(maxContains) > 0) fail("maxContains");
    for (const index of fitting) outcome.items.add(index);
  }

  private pattern(text: string): RegExp {
    const known = this.patterns.get(text) ?? new RegExp(text, "u");
    this.patterns.set(text, known);
    return known;
  }
}

function isObject(value: Json | undefined): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Decimal);
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function entries(value: Json | undefined): [string, Json][] {
  return isObject(value) ? Object.entries(value) : [];
}

function isFit(outcome: Outcome): boolean {
  return !outcome.problems.length;
}

function merge(outcome: Outcome, child: Outcome): void {
  outcome.problems.push(...child.problems);
  for (const name of child.keys) outcome.keys.add(name);
  for (const index of child.items) outcome.items.add(index);
}

function lacks(dependencies: Schema, value: Schema): boolean {
  return Object.entries(dependencies).some(
    ([name, needed]) =>
      Object.hasOwn(value, name) && list(needed).some((other) => !Object.hasOwn(value, String(other))),
  );
}

function sized(schema: Schema, least: string, most: string, size: number, fail: (keyword: string) => void): void {
  const exact = Decimal.parse(String(size));
  const [minimum, maximum] = [schema[least], schema[most]];
  if (minimum instanceof Decimal && exact.compare(minimum) < 0) fail(least);
  if (maximum instanceof Decimal && exact.compare(maximum) > 0) fail(most);
}

function hasType(value: Json, name: Json): boolean {
  if (value instanceof Decimal) return name === "number" || (name === "integer" && value.isInteger);
  if (value === null) return name === "null";
  return name === (Array.isArray(value) ? "array" : typeof value);
}

/** Returns the same text for equal values. */
function key(value: Json): string {
  if (value instanceof Decimal) return value.toString();
  if (Array.isArray(value)) return `[${value.map(key)}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${key(value[name] as Json)}`);
  return `{${members}}`;
}

function into(place: Place, name: string): Place {
  return { path: `${place.path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`, scope: place.scope };
}

function pointed(root: Json, pointer: string): Json | undefined {
  let node: Json | undefined = root;
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(node)) node = node[Number(name)];
    else node = isObject(node) && Object.hasOwn(node, name) ? node[name] : undefined;
  }
  return node;
}

function resolve(reference: string, base: string): string {
  return new URL(reference, base).href;
}

function withoutFragment(uri: string): string {
  return uri.split("#")[0] ?? "";
}

function byBytes(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  const at = left.findIndex((character, index) => character !== right[index]);
  if (at < 0) return left.length - right.length;
  return (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? -1);
}

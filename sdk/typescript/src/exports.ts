/** What both entries of the package export. */

export { Body, type Row } from "./bodies.js";
export { Calls } from "./calls.js";
export { Chartly, type Options } from "./chartly.js";
export { ChartlyError, type CodeName, type FieldViolation } from "./errors.js";
export type { CallOptions } from "./policy.js";
export { type ContractSource, ContractValidator } from "./resources/contracts.js";
export type { ReadOptions } from "./resources/datasets.js";
export type { SaveOptions, Text } from "./resources/profiles.js";
export type { WaitOptions } from "./resources/runs.js";
export type { Problem } from "./schema.js";
export type { Source } from "./uploads.js";

/** Errors as their caller meets them: a code, a reason, and values for programs (AIP-193). */

import { createRegistry, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../gen/google/rpc/status_pb.js";

/** The names of gRPC's codes, by their number. */
const CODES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** Name of a gRPC code. */
export type CodeName = (typeof CODES)[number];

/** One problem of one field of a request. */
export interface FieldViolation {
  /** Path of the field, as in `profile.limits.max_pages`. */
  field: string;
  /** What is wrong, and what is right. */
  description: string;
  /** A word for programs, as in `string.min_len`; empty if there is none. */
  reason: string;
}

/** What a call failed with. The message is for people; programs read `code`, `reason` and `metadata`. */
export class ChartlyError extends Error {
  override readonly name = "ChartlyError";
  /** Name of the gRPC code. */
  readonly code: CodeName;
  /** Name of the `ErrorReason`, as in `ERROR_REASON_RUN_NOT_FOUND`; empty where the mesh has not said one. */
  readonly reason: string;
  /** Values of the message, by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Problems of the request's fields, if it is about these. */
  readonly violations: readonly FieldViolation[];
  /** The call's `x-request-id`, by which the logs of the mesh know it; empty for what never reached it. */
  readonly requestId: string;
  /** Milliseconds after which to try again, where the mesh has said so. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    code: CodeName,
    more: Partial<Pick<ChartlyError, "reason" | "metadata" | "violations" | "requestId" | "retryAfterMs">> = {},
    cause?: unknown,
  ) {
    super(message, { cause });
    this.code = code;
    this.reason = more.reason ?? "";
    this.metadata = more.metadata ?? {};
    this.violations = more.violations ?? [];
    this.requestId = more.requestId ?? "";
    this.retryAfterMs = more.retryAfterMs;
  }
}

const DETAILS = createRegistry(BadRequestSchema, ErrorInfoSchema, RetryInfoSchema);

/** Returns a `google.rpc.Status` in JSON, as REST answers and broken streams have it, as the error that gRPC makes of it. */
export function statusError(json: JsonValue, headers?: Headers): ConnectError {
  const status = fromJson(StatusSchema, json, { registry: DETAILS, ignoreUnknownFields: true });
  const error = new ConnectError(status.message, status.code, headers);
  error.details = status.details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return error;
}

/** Returns `error` as the caller of the request meets it. */
export function chartlyError(error: unknown, requestId: string): ChartlyError {
  if (error instanceof ChartlyError) return error;
  const status = ConnectError.from(error, Code.Unknown);
  const [info] = status.findDetails(ErrorInfoSchema);
  const [retry] = status.findDetails(RetryInfoSchema);
  const delay = retry?.retryDelay;
  const more = {
    reason: info?.reason ?? "",
    metadata: { ...info?.metadata },
    violations: status
      .findDetails(BadRequestSchema)
      .flatMap((bad) => bad.fieldViolations.map(({ field, description, reason }) => ({ field, description, reason }))),
    requestId,
    retryAfterMs: delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
  };
  return new ChartlyError(status.rawMessage, CODES[status.code] ?? "UNKNOWN", more, error);
}

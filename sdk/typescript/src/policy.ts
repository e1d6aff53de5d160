/** How long each method may take and whether a call of it may be repeated, from the generated service config (gRFC A2, A6). */

import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { serviceConfig } from "../gen/service_config.js";

/** When and how often a failed call is made again. */
interface RetryPolicy {
  maxAttempts: number;
  initialBackoffMs: number;
  maxBackoffMs: number;
  backoffMultiplier: number;
  codes: ReadonlySet<string>;
}

/** What the contracts say of a method. */
export interface MethodPolicy {
  timeoutMs: number;
  /** Absent where a call must not be repeated. */
  retry?: RetryPolicy;
}

/** How a caller wants one call to be made. */
export interface CallOptions {
  /** The call's deadline in milliseconds, for all its attempts, instead of the method's own. */
  timeoutMs?: number | undefined;
  /** Cancels the call. */
  signal?: AbortSignal | undefined;
  /** Headers to send, such as an `x-request-id` of your own, by which the logs of the mesh know the call. */
  headers?: HeadersInit | undefined;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const PUSHBACK = "grpc-retry-pushback-ms";
const POLICIES = new Map<string, MethodPolicy>(serviceConfig.methodConfig.flatMap(policies));

/** Returns the policy of a method. */
export function policyOf(method: DescMethod): MethodPolicy {
  return POLICIES.get(`${method.parent.typeName}/${method.name}`) ?? { timeoutMs: 30_000 };
}

/**
 * Makes a call until it succeeds, may not be repeated, or its time is up.
 *
 * @param call makes one attempt in the given milliseconds
 */
export async function withRetries<T>(
  policy: MethodPolicy,
  options: CallOptions,
  call: (timeoutMs: number) => Promise<T>,
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? policy.timeoutMs;
  const deadline = performance.now() + timeoutMs;
  let backoffMs = policy.retry?.initialBackoffMs ?? 0;
  for (let attempt = 1; ; attempt++) {
    try {
      return await call(Math.max(1, Math.ceil(deadline - performance.now())));
    } catch (error) {
      const pushbackMs = pushback(error);
      if (!policy.retry || !mayRepeat(error, policy.retry, attempt) || pushbackMs < 0) throw error;
      const jitter = 0.8 + 0.4 * Math.random(); // as gRPC's own clients
      const waitMs = pushbackMs || backoffMs * jitter;
      const leftMs = deadline - performance.now();
      await sleep(Math.min(waitMs, leftMs), options.signal);
      if (waitMs >= leftMs) throw deadlineExceeded(timeoutMs);
      const next = pushbackMs ? policy.retry.initialBackoffMs : backoffMs * policy.retry.backoffMultiplier;
      backoffMs = Math.min(next, policy.retry.maxBackoffMs);
    }
  }
}

/** Returns after that time, or throws as soon as the signal says so. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waited = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await (signal ? until(signal, waited) : waited);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns a signal that follows another one and a deadline, and what ends it, which has to be called. */
export function stoppable(signal: AbortSignal | undefined, timeoutMs: number): { call: AbortSignal; end: () => void } {
  const controller = new AbortController();
  const clock = setTimeout(() => controller.abort(deadlineExceeded(timeoutMs)), Math.min(timeoutMs, LONGEST_TIMER_MS));
  const follow = () => controller.abort(signal?.reason);
  if (signal?.aborted) follow();
  else signal?.addEventListener("abort", follow, { signal: controller.signal });
  const end = () => {
    clearTimeout(clock);
    controller.abort();
  };
  return { call: controller.signal, end };
}

/** Returns what is promised, or throws as soon as the signal says so: a body that `fetch` reads may not notice by itself. */
export function until<T>(signal: AbortSignal, promised: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(reasonOf(signal));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    promised.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

function reasonOf({ reason }: AbortSignal): ConnectError {
  return reason instanceof ConnectError ? reason : new ConnectError("the call was cancelled", Code.Canceled);
}

function mayRepeat(error: unknown, retry: RetryPolicy, attempt: number): boolean {
  if (attempt >= retry.maxAttempts || !(error instanceof ConnectError)) return false;
  return error.code === Code.Unavailable && retry.codes.has("UNAVAILABLE");
}

/** Returns the milliseconds that the server wants to be left alone; 0 if it has not said, negative for good. */
function pushback(error: unknown): number {
  const said = error instanceof ConnectError ? error.metadata.get(PUSHBACK) : null;
  return said === null ? 0 : /^\d+$/.test(said) ? Number(said) : -1;
}

function deadlineExceeded(timeoutMs: number): ConnectError {
  return new ConnectError(`the call took longer than ${timeoutMs} ms`, Code.DeadlineExceeded);
}

type Entry = (typeof serviceConfig.methodConfig)[number];

function policies(entry: Entry): [string, MethodPolicy][] {
  const retry = "retryPolicy" in entry ? { retry: retryPolicy(entry.retryPolicy) } : {};
  const policy = { timeoutMs: milliseconds(entry.timeout), ...retry };
  return entry.name.map(({ service, method }) => [`${service}/${method}`, policy]);
}

function retryPolicy(written: Extract<Entry, { retryPolicy: unknown }>["retryPolicy"]): RetryPolicy {
  return {
    maxAttempts: written.maxAttempts,
    initialBackoffMs: milliseconds(written.initialBackoff),
    maxBackoffMs: milliseconds(written.maxBackoff),
    backoffMultiplier: written.backoffMultiplier,
    codes: new Set(written.retryableStatusCodes),
  };
}

function milliseconds(duration: string): number {
  return Number.parseFloat(duration) * 1000;
}

/** Runs, the work that they carry out, and what they brought. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  AggregatorService,
  type Record as DatasetRecord,
  type GetSummaryResponse,
  type ListQuarantineRequestSchema,
  type ListRecordsRequestSchema,
  type ListResultsRequestSchema,
  type ListRunsRequestSchema,
  type QuarantinedRecord,
  type ReplayQuarantineResponse,
  type Result,
  type SubmitResultsResponse,
} from "../../gen/chartly/api/aggregator/v1/aggregator_pb.js";
import { CoordinatorService, type Work, WorkState } from "../../gen/chartly/api/coordinator/v1/coordinator_pb.js";
import { type Run, RunState } from "../../gen/chartly/api/run/v1/run_pb.js";
import { Body } from "../bodies.js";
import { type Calls, randomId } from "../calls.js";
import { ChartlyError, chartlyError } from "../errors.js";
import { type CallOptions, sleep } from "../policy.js";
import type { Source } from "../uploads.js";
import { present, type SaveOptions } from "./profiles.js";

/** How to wait for a run. */
export interface WaitOptions extends CallOptions {
  /** Called with the work item each time that it was looked at. */
  onProgress?: (work: Work) => void;
}

const GOING = [RunState.UNSPECIFIED, RunState.RUNNING, RunState.PAUSED];
const OPEN = [WorkState.UNSPECIFIED, WorkState.QUEUED, WorkState.LEASED, WorkState.PAUSED];
const LONGEST_PAUSE_MS = 2000;
const LONGEST_LAG_MS = 30_000;
const { method } = AggregatorService;

/** Runs: one execution each of a work item, an upload, a submission or a replay. */
export class Runs {
  constructor(private readonly calls: Calls) {}

  /** Queues a run of a profile and answers its work item. */
  async start(profileId: string, options: SaveOptions = {}): Promise<Work> {
    const request = { profileId, requestId: options.requestId || randomId() };
    return present(await this.calls.unary(CoordinatorService.method.runNow, request, options), "work");
  }

  /**
   * Runs a profile and waits for its end. A run that failed is an answer, not an error.
   * `timeoutMs` is for all of it; without one, each call has its own and the wait has none.
   */
  async run(profileId: string, options: SaveOptions & WaitOptions = {}): Promise<Run> {
    const left = timeLeft(options);
    return this.wait(await this.start(profileId, { ...options, ...left() }), { ...options, ...left() });
  }

  /** Waits for the run of a work item. Cancelling the wait does not cancel the work. */
  async wait(work: Work, options: WaitOptions = {}): Promise<Run> {
    const left = timeLeft(options);
    let now = work;
    for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
      options.onProgress?.(now);
      if (!OPEN.includes(now.state)) return this.ended(now.runId, left);
      await pause(pauseMs, left());
      const { workId } = work;
      now = present(await this.calls.unary(CoordinatorService.method.getWork, { workId }, left()), "work");
    }
  }

  /** Answers one run with its receipt. */
  async get(runId: string, options?: CallOptions): Promise<Run> {
    return present(await this.calls.unary(method.getRun, { runId }, options), "run");
  }

  /** Lists runs, newest first. */
  list(request: MessageInitShape<typeof ListRunsRequestSchema> = {}, options?: CallOptions): AsyncGenerator<Run> {
    return this.calls.pages(method.listRuns, request, (page) => page.runs, options);
  }

  /** Answers the log of a run, one JSON object a line. */
  async logs(runId: string, options?: CallOptions): Promise<Body> {
    return Body.of(await this.calls.unary(method.getRunLogs, { runId }, options));
  }

  /** Takes a file of records (NDJSON, CSV, Parquet or Arrow, by its media type) and commits it as a run. */
  async upload(profileId: string, source: Source, mediaType: string, options: SaveOptions = {}): Promise<Run> {
    const { requestId = "" } = options;
    const upload = { mediaType, source, fields: { profileId, requestId } };
    return present(await this.calls.upload(method.uploadRecords, upload, options), "run");
  }

  /** Takes records, each the text of a JSON object, and commits them as a run. */
  submit(
    profileId: string,
    data: string[],
    options: SaveOptions & { droneId?: string; runId?: string } = {},
  ): Promise<SubmitResultsResponse> {
    const { droneId = "", runId = "", requestId = "" } = options;
    const document = { case: "submission" as const, value: { profileId, data, droneId, runId } };
    return this.calls.unary(method.submitResults, { document, requestId }, options);
  }

  /** Follows runs: each as it is when it changes. Leaving the loop ends the watch. */
  async *watch(options?: CallOptions): AsyncGenerator<Run, void, undefined> {
    for await (const { run } of this.calls.stream(method.watchRuns, {}, options)) if (run) yield run;
  }

  /** Answers the run once it has ended; it may be known a moment later than the end of its work item. */
  private async ended(runId: string, left: () => CallOptions): Promise<Run> {
    const since = performance.now();
    for (;;) {
      try {
        const run = await this.get(runId, left());
        if (!GOING.includes(run.state)) return run;
      } catch (error) {
        const isLate = performance.now() - since > LONGEST_LAG_MS;
        if (isLate || !(error instanceof ChartlyError) || error.code !== "NOT_FOUND") throw error;
      }
      await pause(50, left());
    }
  }
}

/** What runs brought. */
export class Results {
  constructor(private readonly calls: Calls) {}

  /** Lists what runs brought, newest first. */
  list(request: MessageInitShape<typeof ListResultsRequestSchema> = {}, options?: CallOptions): AsyncGenerator<Result> {
    return this.calls.pages(method.listResults, request, (page) => page.results, options);
  }

  /** Counts records and runs by profile. */
  summary(options?: CallOptions): Promise<GetSummaryResponse> {
    return this.calls.unary(method.getSummary, {}, options);
  }
}

/** Records of datasets, by condition and window. */
export class Records {
  constructor(private readonly calls: Calls) {}

  /** Lists records, the earliest observed first, of one version from the first to the last. */
  list(
    request: MessageInitShape<typeof ListRecordsRequestSchema>,
    options?: CallOptions,
  ): AsyncGenerator<DatasetRecord> {
    return this.calls.pages(method.listRecords, request, (page) => page.records, options);
  }
}

/** Records that were kept aside, with their errors. */
export class Quarantine {
  constructor(private readonly calls: Calls) {}

  /** Lists quarantined records in the order in which they came. */
  list(
    request: MessageInitShape<typeof ListQuarantineRequestSchema> = {},
    options?: CallOptions,
  ): AsyncGenerator<QuarantinedRecord> {
    return this.calls.pages(method.listQuarantine, request, (page) => page.records, options);
  }

  /** Maps the open records of a profile again, of one run or of all, and commits them as a run. */
  replay(profileId: string, runId = "", options?: CallOptions): Promise<ReplayQuarantineResponse> {
    return this.calls.unary(method.replayQuarantine, { profileId, runId }, options);
  }
}

/** Returns the options of the next call of several that share one deadline. */
function timeLeft(options: CallOptions): () => CallOptions {
  const deadline = options.timeoutMs === undefined ? undefined : performance.now() + options.timeoutMs;
  const { signal, headers } = options;
  return () => {
    if (deadline === undefined) return { signal, headers };
    return { signal, headers, timeoutMs: Math.max(0, deadline - performance.now()) };
  };
}

async function pause(ms: number, { timeoutMs = ms, signal }: CallOptions): Promise<void> {
  await sleep(Math.min(ms, timeoutMs), signal).catch((error) => {
    throw chartlyError(error, "");
  });
}

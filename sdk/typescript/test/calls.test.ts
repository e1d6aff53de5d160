import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Code, ConnectError } from "@connectrpc/connect";
import { AggregatorService } from "../gen/chartly/api/aggregator/v1/aggregator_pb.js";
import { AuthService } from "../gen/chartly/api/auth/v1/auth_pb.js";
import { CoordinatorService, WorkState } from "../gen/chartly/api/coordinator/v1/coordinator_pb.js";
import { RunState } from "../gen/chartly/api/run/v1/run_pb.js";
import { StorageService } from "../gen/chartly/api/storage/v1/storage_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import type { ChartlyError } from "../src/node.js";
import { Flaky, serve } from "./server.js";

const bytes = (text: string) => new TextEncoder().encode(text);

async function failure(promise: Promise<unknown>): Promise<ChartlyError> {
  return promise.then(
    () => assert.fail("the call did not fail"),
    (error) => error,
  );
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

test("a safe call is repeated under the same request id until the mesh answers", async () => {
  const flaky = new Flaky(2);
  const getSummary = (_: unknown, context: Parameters<Flaky["call"]>[0]) => {
    flaky.call(context);
    return { totalRuns: 9007199254740993n };
  };
  await using served = await serve((router) => router.service(AggregatorService, { getSummary }));
  const summary = await served.client.results.summary();
  assert.equal(summary.totalRuns, 9007199254740993n);
  assert.equal(flaky.headers.length, 3);
  assert.equal(new Set(flaky.headers.map((header) => header.get("x-request-id"))).size, 1);
  assert.deepEqual(new Set(flaky.headers.map((header) => header.get("authorization"))), new Set(["Bearer chk_test"]));
});

test("a call is made five times at most", async () => {
  const flaky = new Flaky(9);
  const getSummary = (_: unknown, context: Parameters<Flaky["call"]>[0]) => {
    flaky.call(context);
    return {};
  };
  await using served = await serve((router) => router.service(AggregatorService, { getSummary }));
  const error = await failure(served.client.results.summary());
  assert.equal(error.code, "UNAVAILABLE");
  assert.equal(flaky.headers.length, 5);
});

test("a call that creates is made once", async () => {
  const flaky = new Flaky(9);
  const createKey = (_: unknown, context: Parameters<Flaky["call"]>[0]) => {
    flaky.call(context);
    return {};
  };
  await using served = await serve((router) => router.service(AuthService, { createKey }));
  assert.equal((await failure(served.client.keys.create("ci", ["viewer"]))).code, "UNAVAILABLE");
  assert.equal(flaky.headers.length, 1);
});

test("a connection that breaks is as good as nobody who answers", async () => {
  const calls: string[] = [];
  let sever: () => void = () => {};
  const breakOnce = (method: string) => {
    if (!calls.includes(method)) sever();
    calls.push(method);
  };
  const getSummary = () => {
    breakOnce("GetSummary");
    return { totalRuns: 1n };
  };
  async function* readDataset() {
    breakOnce("ReadDataset");
    yield { data: bytes('{"end": {}}\n') };
  }
  const createKey = () => {
    breakOnce("CreateKey");
    return {};
  };
  await using served = await serve((router) =>
    router
      .service(AggregatorService, { getSummary })
      .service(StorageService, { readDataset })
      .service(AuthService, { createKey }),
  );
  sever = served.sever;
  assert.equal((await served.client.results.summary()).totalRuns, 1n);
  assert.deepEqual(await all(served.client.datasets.records("cities")), []);
  assert.equal((await failure(served.client.keys.create("ci", ["viewer"]))).code, "UNAVAILABLE");
  assert.deepEqual(calls, ["GetSummary", "GetSummary", "ReadDataset", "ReadDataset", "CreateKey"]);
});

test("the mesh says when to try again, and when not to", async () => {
  for (const [pushback, calls] of [
    ["1", 2],
    ["-1", 1],
  ] as const) {
    const flaky = new Flaky(1, { "grpc-retry-pushback-ms": pushback });
    const getSummary = (_: unknown, context: Parameters<Flaky["call"]>[0]) => {
      flaky.call(context);
      return {};
    };
    await using served = await serve((router) => router.service(AggregatorService, { getSummary }));
    await served.client.results.summary().catch(() => {});
    assert.equal(flaky.headers.length, calls);
  }
});

test("a deadline spans all attempts", async () => {
  const flaky = new Flaky(9, { "grpc-retry-pushback-ms": "60000" });
  const getSummary = (_: unknown, context: Parameters<Flaky["call"]>[0]) => {
    flaky.call(context);
    return {};
  };
  await using served = await serve((router) => router.service(AggregatorService, { getSummary }));
  const error = await failure(served.client.results.summary({ timeoutMs: 200 }));
  assert.equal(error.code, "DEADLINE_EXCEEDED");
});

test("an error keeps its reason, its values and its violations", async () => {
  const getRun = () => {
    const info = {
      desc: ErrorInfoSchema,
      value: { reason: "ERROR_REASON_INVALID_FIELD", metadata: { violations: "1" } },
    };
    const violation = { field: "run_id", description: "must be there", reason: "string.min_len" };
    const bad = { desc: BadRequestSchema, value: { fieldViolations: [violation] } };
    throw new ConnectError("run_id: must be there", Code.InvalidArgument, undefined, [info, bad]);
  };
  await using served = await serve((router) => router.service(AggregatorService, { getRun }));
  const error = await failure(served.client.runs.get("", { headers: { "x-request-id": "mine" } }));
  const { code, reason, message, metadata, violations, requestId } = error;
  assert.deepEqual(
    { code, reason, message, metadata, violations, requestId },
    {
      code: "INVALID_ARGUMENT",
      reason: "ERROR_REASON_INVALID_FIELD",
      message: "run_id: must be there",
      metadata: { violations: "1" },
      violations: [{ field: "run_id", description: "must be there", reason: "string.min_len" }],
      requestId: "mine",
    },
  );
});

test("a list asks for a page when its items are needed", async () => {
  const asked: string[] = [];
  const listRuns = ({ pageToken }: { pageToken: string }) => {
    asked.push(pageToken);
    const page = Number(pageToken || 0);
    return { runs: [{ runId: `r-${page}` }], nextPageToken: page < 2 ? String(page + 1) : "" };
  };
  await using served = await serve((router) => router.service(AggregatorService, { listRuns }));
  assert.deepEqual(
    (await all(served.client.runs.list({ pageSize: 1 }))).map((run) => run.runId),
    ["r-0", "r-1", "r-2"],
  );
  for await (const run of served.client.runs.list()) if (run.runId === "r-1") break;
  assert.deepEqual(asked, ["", "1", "2", "", "1"]);
});

test("a stream is repeated before its first message, and not after it", async () => {
  for (const [sent, calls] of [
    [0, 2],
    [1, 1],
  ] as const) {
    let called = 0;
    async function* readDataset() {
      called++;
      const row = '{"record_id": "a", "dims": {"city": "Zoë 😀"}}\n';
      const middle = bytes(row).length - 8; // within a character
      if (called > 1 || sent) yield { contentType: "application/x-ndjson", data: bytes(row).subarray(0, middle) };
      if (called === 1) throw new ConnectError("away", Code.Unavailable);
      yield { data: bytes(row).subarray(middle) };
      yield { data: bytes('{"end": {"row_count": 1}}\n') };
    }
    await using served = await serve((router) => router.service(StorageService, { readDataset }));
    const rows = all(served.client.datasets.records("cities"));
    if (sent) assert.equal((await failure(rows)).code, "UNAVAILABLE");
    else assert.deepEqual((await rows)[0]?.dims, { city: "Zoë 😀" });
    assert.equal(called, calls);
  }
});

test("rows that end without a marker are an error, and so is an error marker", async () => {
  for (const [last, code, reason] of [
    ["", "DATA_LOSS", ""],
    ['{"error": {"code": 13, "message": "broken"}}\n', "INTERNAL", ""],
    [
      '{"error": {"code": 5, "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "GONE"}]}}\n',
      "NOT_FOUND",
      "GONE",
    ],
  ] as const) {
    async function* readDataset() {
      yield { data: bytes(`{"record_id": "a"}\n${last}`) };
    }
    await using served = await serve((router) => router.service(StorageService, { readDataset }));
    const error = await failure(all(served.client.datasets.records("cities")));
    assert.deepEqual([error.code, error.reason], [code, reason]);
  }
});

test("leaving a watch ends it on the server", async () => {
  let ended: () => void = () => {};
  const hasEnded = new Promise<void>((resolve) => {
    ended = resolve;
  });
  async function* watchRuns(_: unknown, context: { signal: AbortSignal }) {
    yield {};
    yield { run: { runId: "r-1" } };
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    ended();
  }
  await using served = await serve((router) => router.service(AggregatorService, { watchRuns }));
  for await (const run of served.client.runs.watch()) {
    assert.equal(run.runId, "r-1");
    break;
  }
  await hasEnded;
});

test("a signal cancels a call", async () => {
  const getSummary = async (_: unknown, { signal }: { signal: AbortSignal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return {};
  };
  await using served = await serve((router) => router.service(AggregatorService, { getSummary }));
  const cancelling = new AbortController();
  const call = failure(served.client.results.summary({ signal: cancelling.signal }));
  cancelling.abort();
  assert.equal((await call).code, "CANCELLED");
});

test("a watch ends by its signal, which nobody else holds", { timeout: 30_000 }, async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const collecting = setInterval(collect, 20);
  async function* watchRuns(_: unknown, { signal }: { signal: AbortSignal }) {
    yield {};
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }
  await using served = await serve((router) => router.service(AggregatorService, { watchRuns }));
  const watch = served.client.runs.watch({ signal: AbortSignal.timeout(300) });
  const { code } = await failure(watch.next());
  clearInterval(collecting);
  assert.equal(code, "CANCELLED");
});

test("an upload goes out in pieces, and again where its bytes are still there", async () => {
  const sizes: number[][] = [];
  async function uploadRecords(
    messages: AsyncIterable<{ profileId: string; body?: { data: Uint8Array } | undefined }>,
  ) {
    const parts: number[] = [];
    sizes.push(parts);
    let profileId = "";
    for await (const message of messages) {
      profileId ||= message.profileId;
      parts.push(message.body?.data.length ?? 0);
    }
    if (sizes.length === 1) throw new ConnectError("away", Code.Unavailable);
    return { run: { profileId } };
  }
  await using served = await serve((router) => router.service(AggregatorService, { uploadRecords }));
  const run = await served.client.runs.upload("tides", new Uint8Array(2_500_000), "text/csv");
  assert.equal(run.profileId, "tides");
  assert.deepEqual(sizes, Array(2).fill([1 << 20, 1 << 20, 2_500_000 - (1 << 21)]));

  sizes.length = 0;
  async function* once() {
    yield bytes("time,level\n");
  }
  assert.equal((await failure(served.client.runs.upload("tides", once(), "text/csv"))).code, "UNAVAILABLE");
  assert.equal(sizes.length, 1);
});

test("a run is followed to its end, which the aggregator may know later", async () => {
  const states = [WorkState.QUEUED, WorkState.LEASED, WorkState.SUCCEEDED];
  let asked = 0;
  const work = (state: WorkState) => ({ work: { workId: "w-1", runId: "r-1", state } });
  const runNow = () => work(WorkState.QUEUED);
  const getWork = () => work(states.shift() ?? WorkState.SUCCEEDED);
  const getRun = () => {
    asked++;
    if (asked === 1) throw new ConnectError("not yet", Code.NotFound);
    return { run: { runId: "r-1", state: asked === 2 ? RunState.RUNNING : RunState.FAILED } };
  };
  await using served = await serve((router) =>
    router.service(CoordinatorService, { runNow, getWork }).service(AggregatorService, { getRun }),
  );
  const seen: WorkState[] = [];
  const run = await served.client.runs.run("tides", { onProgress: ({ state }) => seen.push(state) });
  assert.equal(run.state, RunState.FAILED);
  assert.deepEqual(seen, [WorkState.QUEUED, WorkState.QUEUED, WorkState.LEASED, WorkState.SUCCEEDED]);
});

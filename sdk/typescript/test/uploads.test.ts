import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { createChartly } from "../src/browser.js";

const AWAY = { code: 14, message: "aggregator does not answer" };

/** Answers in turn, the last one for good, and returns what each upload said and what came of them. */
async function uploading(answers: [status: number, body: string][], timeoutMs?: number) {
  const seen: { url: string | undefined; type: string | undefined; id: unknown; body: string }[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const { url, headers } = request;
    seen.push({ url, type: headers["content-type"], id: headers["x-request-id"], body: await text(request) });
    const [status, body] = answers[Math.min(seen.length, answers.length) - 1] ?? [500, ""];
    if (status) response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = createChartly({ url: `http://127.0.0.1:${port}`, apiKey: "chk_test" });
  async function* source() {
    yield new TextEncoder().encode("time,level\n");
    yield new TextEncoder().encode("2026-01-01T00:00:00Z,1\n");
  }
  const options = { requestId: "load 1", ...(timeoutMs !== undefined && { timeoutMs }) };
  const outcome = await client.runs.upload("a-b", source(), "text/csv", options).then(
    (run) => run.runId,
    (error) => error.code,
  );
  server.closeAllConnections();
  server.close();
  return { seen, outcome };
}

test("an upload over REST is repeated until the mesh answers", async () => {
  const { seen, outcome } = await uploading([
    [503, JSON.stringify(AWAY)],
    [502, "<html>"],
    [200, '{"run_id": "r-1", "new_field": 1}'],
  ]);
  assert.equal(outcome, "r-1");
  const [first, ...more] = seen;
  assert.equal(first?.url, "/api/profiles/a-b/records?request_id=load+1");
  assert.equal(first?.type, "text/csv");
  assert.equal(first?.body, "time,level\n2026-01-01T00:00:00Z,1\n");
  assert.deepEqual(more, [first, first]);
});

test("an answer that is not the mesh's is an error of its own", async () => {
  assert.equal((await uploading([[404, "<html>"]])).outcome, "UNKNOWN");
});

test("a deadline ends an upload over REST", async () => {
  assert.equal((await uploading([[0, ""]], 200)).outcome, "DEADLINE_EXCEEDED");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createChartly as createWebChartly } from "../../src/browser.js";
import { createChartly } from "../../src/node.js";
import { EXPECTED, story } from "./story.js";

test("the story over gRPC", async () => {
  const client = createChartly();
  assert.deepEqual(await story(client, "over-grpc"), EXPECTED);
  client.close();
});

test("the story over gRPC-Web", async () => {
  const { CHARTLY_URL: url = "", CHARTLY_API_KEY: apiKey = "" } = process.env;
  assert.deepEqual(await story(createWebChartly({ url, apiKey }), "over-grpc-web"), EXPECTED);
});

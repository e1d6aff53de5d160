/** Carries out the cases of `tests/contract/sdk` with this SDK: a case a line in, an answer a line out. */

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import {
  createRegistry,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { parse } from "lossless-json";
import * as aggregator from "../gen/chartly/api/aggregator/v1/aggregator_pb.js";
import * as analytics from "../gen/chartly/api/analytics/v1/analytics_pb.js";
import * as audit from "../gen/chartly/api/audit/v1/audit_pb.js";
import * as auth from "../gen/chartly/api/auth/v1/auth_pb.js";
import * as coordinator from "../gen/chartly/api/coordinator/v1/coordinator_pb.js";
import * as gateway from "../gen/chartly/api/gateway/v1/gateway_pb.js";
import * as contract from "../gen/chartly/api/registry/v1/contract_pb.js";
import * as registry from "../gen/chartly/api/registry/v1/registry_pb.js";
import * as reporter from "../gen/chartly/api/reporter/v1/reporter_pb.js";
import * as run from "../gen/chartly/api/run/v1/run_pb.js";
import * as storage from "../gen/chartly/api/storage/v1/storage_pb.js";
import * as browser from "../src/browser.js";
import * as node from "../src/node.js";

type Args = { [name: string]: JsonValue };
type Operation = (client: node.Chartly, args: Args, options: node.CallOptions) => Promise<JsonValue>;

interface Case {
  case: string;
  do: string;
  args?: Args;
  client?: node.Options & { api_key?: string };
  timeout_seconds?: number;
}

const TYPES = createRegistry(
  aggregator.file_chartly_api_aggregator_v1_aggregator,
  analytics.file_chartly_api_analytics_v1_analytics,
  audit.file_chartly_api_audit_v1_audit,
  auth.file_chartly_api_auth_v1_auth,
  coordinator.file_chartly_api_coordinator_v1_coordinator,
  gateway.file_chartly_api_gateway_v1_gateway,
  contract.file_chartly_api_registry_v1_contract,
  registry.file_chartly_api_registry_v1_registry,
  reporter.file_chartly_api_reporter_v1_reporter,
  run.file_chartly_api_run_v1_run,
  storage.file_chartly_api_storage_v1_storage,
);

/** Returns the request that arguments say, without those that are for the driver. */
function request<D extends DescMessage>(schema: D, { limit: _, ...fields }: Args): MessageShape<D> {
  return fromJson(schema, fields);
}

function shown(message: Message): JsonValue {
  const schema = TYPES.getMessage(message.$typeName);
  if (!schema) throw new Error(`${message.$typeName} is not known here`);
  return toJson(schema, message, { useProtoFieldName: true });
}

async function list(items: AsyncIterable<Message | browser.Row>, args: Args): Promise<JsonValue> {
  const found: JsonValue[] = [];
  const limit = Number(args.limit ?? 0);
  for await (const item of items) {
    found.push("$typeName" in item ? shown(item) : (item as unknown as JsonObject));
    if (found.length === limit) break;
  }
  return found;
}

async function body(answer: Promise<browser.Body>): Promise<JsonValue> {
  const found = await answer;
  return { media_type: found.mediaType, text: await found.text() };
}

async function message(answer: Promise<Message>): Promise<JsonValue> {
  return shown(await answer);
}

function text(args: Args, name: string): string {
  return String(args[name] ?? "");
}

function document(args: Args): browser.Text {
  return { text: text(args, "document"), ...(args.media_type ? { mediaType: text(args, "media_type") } : {}) };
}

function saving(args: Args, options: node.CallOptions): browser.SaveOptions {
  return { ...options, requestId: text(args, "request_id") };
}

/** Returns the number of an enum's value, by its name. */
function numberOf(values: Record<string, string | number>, prefix: string, name: string): number {
  return name ? Number(values[name.replace(prefix, "")]) : 0;
}

function compatibility(args: Args, name: string): contract.CompatibilityMode {
  return numberOf(contract.CompatibilityMode, "COMPATIBILITY_MODE_", text(args, name));
}

const OPERATIONS: Record<string, Operation> = {
  "status.health": (c, _, o) => message(c.status.health(o)),
  "status.get": (c, _, o) => message(c.status.get(o)),
  "profiles.create": (c, a, o) => message(c.profiles.create(document(a), saving(a, o))),
  "profiles.update": (c, a, o) => {
    const options = { ...saving(a, o), baseRevision: BigInt(text(a, "base_revision") || 0) };
    return message(c.profiles.update(text(a, "profile_id"), document(a), options));
  },
  "profiles.get": (c, a, o) => message(c.profiles.get(text(a, "profile_id"), o)),
  "profiles.list": (c, a, o) => list(c.profiles.list(request(registry.ListProfilesRequestSchema, a), o), a),
  "profiles.delete": async (c, a, o) => {
    await c.profiles.delete(text(a, "profile_id"), o);
    return {};
  },
  "profiles.revisions": (c, a, o) => list(c.profiles.revisions(request(registry.ListRevisionsRequestSchema, a), o), a),
  "profiles.revision": (c, a, o) => message(c.profiles.revision(text(a, "profile_id"), text(a, "version"), o)),
  "profiles.validate": (c, a, o) => message(c.profiles.validate(document(a), o)),
  "profiles.contract": (c, a, o) => body(c.profiles.contract(text(a, "profile_id"), text(a, "format"), o)),
  "contracts.create": (c, a, o) => {
    const references = (a.references ?? []) as string[];
    const more = { version: text(a, "version"), references, compatibility: compatibility(a, "compatibility") };
    return message(c.contracts.create(text(a, "contract_id"), document(a), { ...saving(a, o), ...more }));
  },
  "contracts.update": (c, a, o) => {
    const update = fromJson(registry.ContractUpdateSchema, a.contract ?? {});
    return message(c.contracts.update(text(a, "contract_id"), update, o));
  },
  "contracts.get": (c, a, o) => message(c.contracts.get(text(a, "contract_id"), o)),
  "contracts.list": (c, a, o) => list(c.contracts.list(request(registry.ListContractsRequestSchema, a), o), a),
  "contracts.delete": async (c, a, o) => {
    await c.contracts.delete(text(a, "contract_id"), o);
    return {};
  },
  "contracts.revisions": (c, a, o) =>
    list(c.contracts.revisions(request(registry.ListContractRevisionsRequestSchema, a), o), a),
  "contracts.revision": (c, a, o) => message(c.contracts.revision(text(a, "contract_id"), text(a, "version"), o)),
  "contracts.check": (c, a, o) => {
    const options = { ...o, mode: compatibility(a, "mode") };
    return message(c.contracts.check(text(a, "contract_id"), document(a), options));
  },
  "contracts.diff": (c, a, o) =>
    message(c.contracts.diff(text(a, "contract_id"), text(a, "base"), text(a, "target"), o)),
  "contracts.export": (c, a, o) =>
    body(c.contracts.export(text(a, "contract_id"), text(a, "version"), text(a, "format"), o)),
  "contracts.validate": async (c, a, o) => {
    const validator = await c.contracts.validator(text(a, "contract_id"), text(a, "version"), o);
    return validator.problems(text(a, "data")).map(({ path, keyword }) => ({ path, keyword }));
  },
  "runs.run": (c, a, o) => {
    const profileId = text(a, "profile_id");
    return message(a.wait ? c.runs.run(profileId, saving(a, o)) : c.runs.start(profileId, saving(a, o)));
  },
  "runs.get": (c, a, o) => message(c.runs.get(text(a, "run_id"), o)),
  "runs.list": (c, a, o) => list(c.runs.list(request(aggregator.ListRunsRequestSchema, a), o), a),
  "runs.logs": (c, a, o) => body(c.runs.logs(text(a, "run_id"), o)),
  "runs.upload": (c, a, o) =>
    message(c.runs.upload(text(a, "profile_id"), text(a, "data"), text(a, "media_type"), saving(a, o))),
  "runs.submit": (c, a, o) => {
    const options = { ...saving(a, o), droneId: text(a, "drone_id") };
    return message(c.runs.submit(text(a, "profile_id"), (a.data ?? []) as string[], options));
  },
  "runs.watch": async (c, a, o) => {
    const signal = AbortSignal.timeout(Number(a.cancel_after_seconds) * 1000);
    try {
      for await (const _ of c.runs.watch({ ...o, signal }));
    } catch (error) {
      if (signal.aborted && error instanceof node.ChartlyError && error.code === "CANCELLED")
        return { cancelled: true };
      throw error;
    }
    throw new Error("the watch ended by itself");
  },
  "results.list": (c, a, o) => list(c.results.list(request(aggregator.ListResultsRequestSchema, a), o), a),
  "results.summary": (c, _, o) => message(c.results.summary(o)),
  "records.list": (c, a, o) => list(c.records.list(request(aggregator.ListRecordsRequestSchema, a), o), a),
  "quarantine.list": (c, a, o) => list(c.quarantine.list(request(aggregator.ListQuarantineRequestSchema, a), o), a),
  "quarantine.replay": (c, a, o) => message(c.quarantine.replay(text(a, "profile_id"), text(a, "run_id"), o)),
  "datasets.list": (c, a, o) => list(c.datasets.list(request(storage.ListDatasetsRequestSchema, a), o), a),
  "datasets.get": (c, a, o) => message(c.datasets.get(text(a, "dataset_id"), o)),
  "datasets.versions": (c, a, o) =>
    list(c.datasets.versions(request(storage.ListDatasetVersionsRequestSchema, a), o), a),
  "datasets.records": (c, a, o) => list(c.datasets.records(text(a, "dataset_id"), { ...o, ...version(a) }), a),
  "datasets.read": (c, a, o) =>
    body(c.datasets.read(text(a, "dataset_id"), text(a, "format"), { ...o, ...version(a) })),
  "artifacts.put": (c, a, o) => message(c.artifacts.put(text(a, "data"), text(a, "media_type"), o)),
  "artifacts.get": (c, a, o) => body(c.artifacts.get(text(a, "digest"), o)),
  "reports.create": (c, a, o) => message(c.reports.create(document(a), saving(a, o))),
  "reports.list": (c, a, o) => list(c.reports.list(request(reporter.ListReportsRequestSchema, a), o), a),
  "reports.get": (c, a, o) => message(c.reports.get(text(a, "report_id"), o)),
  "reports.export": (c, a, o) => body(c.reports.export(text(a, "report_id"), text(a, "format"), o)),
  "analytics.aggregate": (c, a, o) => message(c.analytics.aggregate(request(analytics.AggregateRequestSchema, a), o)),
  "analytics.correlate": (c, a, o) => message(c.analytics.correlate(request(analytics.CorrelateRequestSchema, a), o)),
  "drones.list": (c, a, o) => list(c.drones.list(request(coordinator.ListDronesRequestSchema, a), o), a),
  "drones.get": (c, a, o) => message(c.drones.get(text(a, "drone_id"), o)),
  "drones.stats": (c, _, o) => message(c.drones.stats(o)),
  "drones.work": (c, a, o) => list(c.drones.work(request(coordinator.ListDroneWorkRequestSchema, a), o), a),
  "work.list": (c, a, o) => list(c.work.list(request(coordinator.ListWorkRequestSchema, a), o), a),
  "work.get": (c, a, o) => message(c.work.get(text(a, "work_id"), o)),
  "work.cancel": (c, a, o) => message(c.work.cancel(text(a, "work_id"), o)),
  "work.redrive": (c, a, o) => message(c.work.redrive(text(a, "work_id"), o)),
  "keys.create": (c, a, o) => {
    const expireTime = a.expire_time ? fromJson(TimestampSchema, a.expire_time) : undefined;
    const options = { ...saving(a, o), ...(expireTime && { expireTime }) };
    return message(c.keys.create(text(a, "name"), (a.roles ?? []) as string[], options));
  },
  "keys.list": (c, a, o) => list(c.keys.list(request(auth.ListKeysRequestSchema, a), o), a),
  "keys.revoke": (c, a, o) => message(c.keys.revoke(text(a, "key_id"), o)),
  "audit.list": (c, a, o) => list(c.audit.list(request(audit.ListEntriesRequestSchema, a), o), a),
  "audit.get": (c, a, o) => message(c.audit.get(BigInt(text(a, "index")), o)),
};

function version(args: Args): browser.ReadOptions {
  return { version: BigInt(text(args, "version") || 0) };
}

/** Returns the answer to one case. */
async function answer(asked: Case, connect: (client: Case["client"]) => node.Chartly): Promise<JsonObject> {
  const operation = OPERATIONS[asked.do];
  if (!operation) return { crash: `no operation ${asked.do}` };
  const client = connect(asked.client);
  try {
    const timeoutMs = asked.timeout_seconds === undefined ? undefined : asked.timeout_seconds * 1000;
    return { ok: await operation(client, asked.args ?? {}, { timeoutMs }) };
  } catch (error) {
    if (!(error instanceof node.ChartlyError))
      return { crash: error instanceof Error ? `${error.stack}` : String(error) };
    const { code, reason, metadata, violations, requestId } = error;
    const fields = violations.map((violation) => ({ ...violation }));
    return { error: { code, reason, metadata: { ...metadata }, violations: fields, request_id: requestId } };
  } finally {
    client.close();
  }
}

/** Returns a client: the one of this machine's environment, but for what the case says instead. */
function connector(isWeb: boolean): (client: Case["client"]) => node.Chartly {
  const { CHARTLY_URL: url, CHARTLY_API_KEY: apiKey } = process.env;
  return ({ api_key: key, ...instead } = {}) => {
    const caller = { ...instead, ...(key !== undefined && { apiKey: key }) };
    if (!isWeb) return node.createChartly(caller);
    const inherited = caller.token === undefined && apiKey ? { apiKey } : {};
    return browser.createChartly({ ...(url && { url }), ...inherited, ...caller });
  };
}

/** Reads JSON whose integers of 64 bits may be numbers: those that a double cannot hold stay text, as protojson takes them. */
function parseCase(line: string): Case {
  return parse(line, null, (number) =>
    String(Number(number)) === number ? Number(number) : number,
  ) as unknown as Case;
}

const { values } = parseArgs({ options: { transport: { type: "string", default: "grpc" } } });
const connect = connector(values.transport === "grpc-web");
for await (const line of createInterface({ input: process.stdin })) {
  const asked = parseCase(line);
  console.log(JSON.stringify({ case: asked.case, ...(await answer(asked, connect)) }));
}

/** What a client does with a mesh, for every way of calling: create, upload, page, read, fail, judge. */

import { type Chartly, ChartlyError, ContractValidator } from "../../src/browser.js";

const PROFILE = (id: string) => `
profile_id: ${id}
source: {file: {path: tides.csv}}
observed_at: {source: time}
dims:
  gauge: {type: string, required: true}
  serial: {type: integer}
measures:
  level: {type: number, unit: m}
primary_key: [gauge, observed_at]
`;
const TIDES = `time,gauge,serial,level
2026-05-01T00:00:00Z,Zoë 😀,9007199254740993,0.1
2026-05-01T01:00:00Z,dover,1,1e-7
2026-05-01T02:00:00Z,dover,2,high
`;

/** What comes of it, whatever the way. */
export const EXPECTED = {
  delivered: "2",
  pages: ["Zoë 😀", "dover"],
  rows: [
    { gauge: "Zoë 😀", serial: "9007199254740993", level: 0.1 },
    { gauge: "dover", serial: 1, level: 1e-7 },
  ],
  refused: ["INVALID_ARGUMENT", "ERROR_REASON_UNSUPPORTED_MEDIA_TYPE", "text/html"],
  missing: ["NOT_FOUND", "ERROR_REASON_RUN_NOT_FOUND", "none"],
  artifact: "Grüße",
  watch: "CANCELLED",
  problems: [{ path: "/serial", keyword: "maximum" }],
};

/** Carries it out under a name of its own. */
export async function story(client: Chartly, id: string): Promise<typeof EXPECTED> {
  await client.profiles.create({ text: PROFILE(id) });
  const run = await client.runs.upload(id, new Blob([TIDES]), "text/csv");
  const pages: string[] = [];
  for await (const record of client.records.list({ profileId: id, pageSize: 1 }))
    pages.push(String(record.dims?.gauge));
  const rows: (typeof EXPECTED)["rows"] = [];
  for await (const { dims, measures } of client.datasets.records(id)) rows.push({ ...dims, ...measures } as never);
  rows.sort((a, b) => (a.gauge < b.gauge ? -1 : 1));
  const refused = await failure(client.runs.upload(id, TIDES, "text/html"));
  const missing = await failure(client.runs.get("none"));
  const { digest } = await client.artifacts.put("Grüße", "text/plain");
  const artifact = await (await client.artifacts.get(digest)).text();
  const watch = client.runs.watch({ signal: AbortSignal.timeout(300) });
  const schema = '{"properties": {"serial": {"maximum": 9007199254740992}}}';
  return {
    delivered: String(run.receipt?.delivered),
    pages,
    rows,
    refused: [refused.code, refused.reason, refused.metadata.content_type ?? ""],
    missing: [missing.code, missing.reason, missing.metadata.run_id ?? ""],
    artifact,
    watch: (await failure(watch.next())).code,
    problems: new ContractValidator(schema).problems('{"serial": 9007199254740993}'),
  };
}

async function failure(promise: Promise<unknown>): Promise<ChartlyError> {
  return promise.then(
    () => {
      throw new Error("the call did not fail");
    },
    (error) => {
      if (!(error instanceof ChartlyError)) throw error;
      return error;
    },
  );
}

/** Brings records to a mesh, reads them back, and reports on them, beside a running `chartly up`, with the key in CHARTLY_API_KEY. */

import { createChartly } from "../src/node.js"; // with the package: from "@chartly/sdk"

const profile = `
profile_id: sdk-ts-flights
description: Flights that this example brings.
source: {file: {path: flights.csv}}
observed_at: {source: time}
dims:
  origin: {type: string, required: true}
measures:
  delay: {type: number, unit: min}
`;
const flights = `time,origin,delay
2013-01-01T05:00:00Z,EWR,2
2013-01-01T06:00:00Z,LGA,4
2013-01-01T07:00:00Z,JFK,late
`;
const report = `
name: sdk-ts-delays
inputs: [{profile_id: sdk-ts-flights, measure: delay}]
join: [origin, observed_at]
output: {type: table, statistic: mean}
`;

const client = createChartly();
await client.profiles.create({ text: profile });

const { receipt } = await client.runs.upload("sdk-ts-flights", flights, "text/csv");
console.log(`${receipt?.extracted} extracted = ${receipt?.delivered} delivered + ${receipt?.quarantined} quarantined`);

for await (const row of client.datasets.records("sdk-ts-flights")) {
  console.log(row.dims.origin, row.measures.delay);
}
for await (const kept of client.quarantine.list({ profileId: "sdk-ts-flights" })) {
  console.log("quarantine:", kept.errors[0]?.message);
}
const { result } = await client.reports.create({ text: report });
if (result.case === "table") console.log("mean delay:", result.value.rows[0]?.values[0]?.kind.value, "min");
client.close();

/** The client: its resources on one way of calling. */

import type { Calls } from "./calls.js";
import { Contracts } from "./resources/contracts.js";
import { Artifacts, Datasets } from "./resources/datasets.js";
import { Audit, Keys, Status } from "./resources/mesh.js";
import { Profiles } from "./resources/profiles.js";
import { Analytics, Reports } from "./resources/reports.js";
import { Quarantine, Records, Results, Runs } from "./resources/runs.js";
import { Drones, Work } from "./resources/work.js";

/** Where the mesh is, and who calls. */
export interface Options {
  /** URL of the mesh's edge, as in `http://localhost:8090`. */
  url?: string;
  /** API key, `chk_…`; empty for none. */
  apiKey?: string;
  /** Token that another identity provider gave, instead of a key. */
  token?: string;
}

/** Where a mesh listens that `chartly up` has started. */
export const DEFAULT_URL = "http://localhost:8090";

/** A client of the mesh, as one caller. */
export class Chartly {
  readonly status: Status;
  readonly profiles: Profiles;
  readonly contracts: Contracts;
  readonly runs: Runs;
  readonly results: Results;
  readonly records: Records;
  readonly quarantine: Quarantine;
  readonly datasets: Datasets;
  readonly artifacts: Artifacts;
  readonly reports: Reports;
  readonly analytics: Analytics;
  readonly drones: Drones;
  readonly work: Work;
  readonly keys: Keys;
  readonly audit: Audit;

  constructor(
    /** Calls any method of the contracts, also those that no resource has. */
    readonly calls: Calls,
    private readonly release: () => void = () => {},
  ) {
    this.status = new Status(calls);
    this.profiles = new Profiles(calls);
    this.contracts = new Contracts(calls);
    this.runs = new Runs(calls);
    this.results = new Results(calls);
    this.records = new Records(calls);
    this.quarantine = new Quarantine(calls);
    this.datasets = new Datasets(calls);
    this.artifacts = new Artifacts(calls);
    this.reports = new Reports(calls);
    this.analytics = new Analytics(calls);
    this.drones = new Drones(calls);
    this.work = new Work(calls);
    this.keys = new Keys(calls);
    this.audit = new Audit(calls);
  }

  /** Closes the connection; calls that are under way fail. */
  close(): void {
    this.release();
  }
}

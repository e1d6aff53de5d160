/** Datasets, and bytes that are kept under their digest. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Artifact,
  type Commit,
  type Dataset,
  type ListDatasetsRequestSchema,
  type ListDatasetVersionsRequestSchema,
  StorageService,
} from "../../gen/chartly/api/storage/v1/storage_pb.js";
import { Body, type Row, rows } from "../bodies.js";
import { type Calls, identified, requestIdOf } from "../calls.js";
import type { CallOptions } from "../policy.js";
import type { Source } from "../uploads.js";
import { present } from "./profiles.js";

const { method } = StorageService;

/** Which version of a dataset to read. */
export interface ReadOptions extends CallOptions {
  /** Version, from 1; the latest by default. */
  version?: bigint;
}

/** Datasets: what the runs of a profile have delivered. */
export class Datasets {
  constructor(private readonly calls: Calls) {}

  /** Lists datasets by name, without digests. */
  list(
    request: MessageInitShape<typeof ListDatasetsRequestSchema> = {},
    options?: CallOptions,
  ): AsyncGenerator<Dataset> {
    return this.calls.pages(method.listDatasets, request, (page) => page.datasets, options);
  }

  /** Answers a dataset, with the digest of its latest version. */
  async get(datasetId: string, options?: CallOptions): Promise<Dataset> {
    return present(await this.calls.unary(method.getDataset, { datasetId }, options), "dataset");
  }

  /** Lists the versions of a dataset, newest first. */
  versions(
    request: MessageInitShape<typeof ListDatasetVersionsRequestSchema>,
    options?: CallOptions,
  ): AsyncGenerator<Commit> {
    return this.calls.pages(method.listDatasetVersions, request, (page) => page.versions, options);
  }

  /** Yields all rows as they arrive, and throws DATA_LOSS where they end too early. Leaving the loop ends the call. */
  async *records(datasetId: string, options: ReadOptions = {}): AsyncGenerator<Row, void, undefined> {
    const headers = identified(options.headers);
    yield* rows(await this.read(datasetId, "ndjson", { ...options, headers }), requestIdOf(headers));
  }

  /** Answers all rows as a file: `ndjson` or `arrow`, which say at their end whether they are whole, `csv` or `parquet`. */
  read(datasetId: string, format: string, options: ReadOptions = {}): Promise<Body> {
    const { version = 0n } = options;
    return Body.open(this.calls.stream(method.readDataset, { datasetId, version, format }, options));
  }
}

/** Artifacts: bytes under their digest. */
export class Artifacts {
  constructor(private readonly calls: Calls) {}

  /** Keeps bytes under their digest. */
  async put(source: Source, mediaType: string, options?: CallOptions): Promise<Artifact> {
    const upload = { mediaType, source, fields: {} };
    return present(await this.calls.upload(method.putArtifact, upload, options), "artifact");
  }

  /** Answers the bytes of an artifact. */
  get(digest: string, options?: CallOptions): Promise<Body> {
    return Body.open(this.calls.stream(method.getArtifact, { digest }, options));
  }
}

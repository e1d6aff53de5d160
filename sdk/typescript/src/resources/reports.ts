/** Reports, and the figures that they are made of. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type AggregateRequestSchema,
  type AggregateResponse,
  AnalyticsService,
  type CorrelateRequestSchema,
  type CorrelateResponse,
} from "../../gen/chartly/api/analytics/v1/analytics_pb.js";
import {
  type ListReportsRequestSchema,
  type Report,
  type ReportDefinitionSchema,
  ReporterService,
} from "../../gen/chartly/api/reporter/v1/reporter_pb.js";
import { Body } from "../bodies.js";
import { type Calls, randomId } from "../calls.js";
import type { CallOptions } from "../policy.js";
import { documentOf, present, type SaveOptions, type Text } from "./profiles.js";

const { method } = ReporterService;

/** Reports: definitions and their results. */
export class Reports {
  constructor(private readonly calls: Calls) {}

  /** Creates a report and answers it with its result. */
  async create(
    definition: Text | MessageInitShape<typeof ReportDefinitionSchema>,
    options: SaveOptions = {},
  ): Promise<Report> {
    const request = { document: documentOf(definition, "definition"), requestId: options.requestId || randomId() };
    return present(await this.calls.unary(method.createReport, request, options), "report");
  }

  /** Lists reports, without definitions, sources and results. */
  list(request: MessageInitShape<typeof ListReportsRequestSchema> = {}, options?: CallOptions): AsyncGenerator<Report> {
    return this.calls.pages(method.listReports, request, (page) => page.reports, options);
  }

  /** Answers a report, by its id or its name. */
  async get(reportId: string, options?: CallOptions): Promise<Report> {
    return present(await this.calls.unary(method.getReport, { reportId }, options), "report");
  }

  /** Answers the result of a report as `csv`, `json` or `parquet`. */
  async export(reportId: string, format = "csv", options?: CallOptions): Promise<Body> {
    return Body.of(await this.calls.unary(method.exportReport, { reportId, format }, options));
  }
}

/** Figures of datasets, computed when asked. */
export class Analytics {
  constructor(private readonly calls: Calls) {}

  /** Answers figures by group. */
  aggregate(
    request: MessageInitShape<typeof AggregateRequestSchema>,
    options?: CallOptions,
  ): Promise<AggregateResponse> {
    return this.calls.unary(AnalyticsService.method.aggregate, request, options);
  }

  /** Answers the correlation of two measures. */
  correlate(
    request: MessageInitShape<typeof CorrelateRequestSchema>,
    options?: CallOptions,
  ): Promise<CorrelateResponse> {
    return this.calls.unary(AnalyticsService.method.correlate, request, options);
  }
}

package chartly

import (
	"context"
	"iter"

	analyticsv1 "chartly.dev/sdk-go/gen/analytics/v1"
	reporterv1 "chartly.dev/sdk-go/gen/reporter/v1"
)

// Reports are figures over datasets, each with a digest.
type Reports struct {
	stub reporterv1.ReporterServiceClient
}

// Create defines a report, or takes the one of that name, and makes a new result of it. Edits change the request before it is sent, as in
// a request_id of one's own; without one, each call has a new one.
func (r *Reports) Create(
	ctx context.Context, document Document, edits ...func(*reporterv1.CreateReportRequest),
) (*reporterv1.Report, error) {
	answer, err := r.stub.CreateReport(ctx, edited(&reporterv1.CreateReportRequest{
		Document:  &reporterv1.CreateReportRequest_Body{Body: document.body()},
		RequestId: newRequestID(),
	}, edits))
	return answer.GetReport(), err
}

// List iterates reports by name, without their results. The request may be nil.
func (r *Reports) List(ctx context.Context, request *reporterv1.ListReportsRequest) iter.Seq2[*reporterv1.Report, error] {
	return list(ctx, request, r.stub.ListReports, (*reporterv1.ListReportsResponse).GetReports)
}

// Get answers a report with its latest result, by its report_id or its name.
func (r *Reports) Get(ctx context.Context, reportID string) (*reporterv1.Report, error) {
	answer, err := r.stub.GetReport(ctx, &reporterv1.GetReportRequest{ReportId: reportID})
	return answer.GetReport(), err
}

// Export answers the latest result as csv (also for an empty format), json or parquet.
func (r *Reports) Export(ctx context.Context, reportID, format string) (Document, error) {
	body, err := r.stub.ExportReport(ctx, &reporterv1.ExportReportRequest{ReportId: reportID, Format: format})
	return documentOf(body), err
}

// Analytics computes over datasets, the same to the last bit on every machine.
type Analytics struct {
	stub analyticsv1.AnalyticsServiceClient
}

// Aggregate joins the inputs and answers a statistic of each, over all rows or by bands.
func (a *Analytics) Aggregate(
	ctx context.Context, request *analyticsv1.AggregateRequest,
) (*analyticsv1.AggregateResponse, error) {
	return a.stub.Aggregate(ctx, request)
}

// Correlate joins the inputs and answers the correlation of each pair.
func (a *Analytics) Correlate(
	ctx context.Context, request *analyticsv1.CorrelateRequest,
) (*analyticsv1.CorrelateResponse, error) {
	return a.stub.Correlate(ctx, request)
}

package chartly

import (
	"context"
	"iter"

	aggregatorv1 "chartly.dev/sdk-go/gen/aggregator/v1"
)

// Results are what runs brought, in the words that existing clients know.
type Results struct {
	stub aggregatorv1.AggregatorServiceClient
}

// List iterates results, newest first. The request may be nil.
func (r *Results) List(ctx context.Context, request *aggregatorv1.ListResultsRequest) iter.Seq2[*aggregatorv1.Result, error] {
	return list(ctx, request, r.stub.ListResults, (*aggregatorv1.ListResultsResponse).GetResults)
}

// Summary counts records and runs by profile.
func (r *Results) Summary(ctx context.Context) (*aggregatorv1.GetSummaryResponse, error) {
	return r.stub.GetSummary(ctx, &aggregatorv1.GetSummaryRequest{})
}

// Records are the rows of a dataset, filtered and page by page; [Datasets.Records] streams all of them faster.
type Records struct {
	stub aggregatorv1.AggregatorServiceClient
}

// List iterates the records of a dataset in the order of observed_at, then record_id, all of one version.
func (r *Records) List(ctx context.Context, request *aggregatorv1.ListRecordsRequest) iter.Seq2[*aggregatorv1.Record, error] {
	return list(ctx, request, r.stub.ListRecords, (*aggregatorv1.ListRecordsResponse).GetRecords)
}

// Quarantine keeps records that did not fit, with all their errors.
type Quarantine struct {
	stub aggregatorv1.AggregatorServiceClient
}

// List iterates quarantined records in the order in which they came. The request may be nil.
func (q *Quarantine) List(
	ctx context.Context, request *aggregatorv1.ListQuarantineRequest,
) iter.Seq2[*aggregatorv1.QuarantinedRecord, error] {
	return list(ctx, request, q.stub.ListQuarantine, (*aggregatorv1.ListQuarantineResponse).GetRecords)
}

// Replay maps the open quarantined records of a profile again, of all runs where runID is empty. With nothing open, it answers no run.
func (q *Quarantine) Replay(ctx context.Context, profileID, runID string) (*aggregatorv1.ReplayQuarantineResponse, error) {
	return q.stub.ReplayQuarantine(ctx, &aggregatorv1.ReplayQuarantineRequest{ProfileId: profileID, RunId: runID})
}

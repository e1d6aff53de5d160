package chartly

import (
	"context"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	aggregatorv1 "chartly.dev/sdk-go/gen/aggregator/v1"
	coordinatorv1 "chartly.dev/sdk-go/gen/coordinator/v1"
	runv1 "chartly.dev/sdk-go/gen/run/v1"
)

const (
	firstLook   = 50 * time.Millisecond
	slowestLook = time.Second
)

// Runs bring records: from a source, from an upload, from what a client submits.
type Runs struct {
	aggregator  aggregatorv1.AggregatorServiceClient
	coordinator coordinatorv1.CoordinatorServiceClient
}

// Run runs a profile and waits for its end; see [Runs.Start] and [Runs.Wait].
func (r *Runs) Run(
	ctx context.Context, profileID string, progress func(*coordinatorv1.Work), edits ...func(*coordinatorv1.RunNowRequest),
) (*runv1.Run, error) {
	work, err := r.Start(ctx, profileID, edits...)
	if err != nil {
		return nil, err
	}
	return r.Wait(ctx, work.GetWorkId(), progress)
}

// Start queues a run of a profile now and answers its work item. Edits change the request before it is sent, as in a request_id of one's
// own; without one, each call has a new one.
func (r *Runs) Start(
	ctx context.Context, profileID string, edits ...func(*coordinatorv1.RunNowRequest),
) (*coordinatorv1.Work, error) {
	request := edited(&coordinatorv1.RunNowRequest{ProfileId: profileID, RequestId: newRequestID()}, edits)
	answer, err := r.coordinator.RunNow(ctx, request)
	return answer.GetWork(), err
}

// Wait follows a work item until it has ended, and answers its run. A run that failed is an answer, no error. The work goes on where the
// context ends before. Progress, unless nil, is told of the work item each time it was looked at.
func (r *Runs) Wait(ctx context.Context, workID string, progress func(*coordinatorv1.Work)) (*runv1.Run, error) {
	looks := looks{ctx: ctx}
	for {
		answer, err := r.coordinator.GetWork(ctx, &coordinatorv1.GetWorkRequest{WorkId: workID})
		if err != nil {
			return nil, err
		}
		work := answer.GetWork()
		if progress != nil {
			progress(work)
		}
		if hasEnded(work.GetState()) {
			return r.ended(&looks, work.GetRunId())
		}
		if err := looks.pause(); err != nil {
			return nil, err
		}
	}
}

// ended answers a run as it ended, of which the aggregator hears a moment after the coordinator.
func (r *Runs) ended(looks *looks, runID string) (*runv1.Run, error) {
	looks.waited = 0
	for {
		run, err := r.Get(looks.ctx, runID)
		switch {
		case status.Code(err) == codes.NotFound:
		case err != nil:
			return nil, err
		case run.GetState() != runv1.RunState_RUN_STATE_RUNNING && run.GetState() != runv1.RunState_RUN_STATE_PAUSED:
			return run, nil
		}
		if err := looks.pause(); err != nil {
			return nil, err
		}
	}
}

// Get answers one run with its receipt.
func (r *Runs) Get(ctx context.Context, runID string) (*runv1.Run, error) {
	answer, err := r.aggregator.GetRun(ctx, &aggregatorv1.GetRunRequest{RunId: runID})
	return answer.GetRun(), err
}

// List iterates runs, newest first. The request may be nil.
func (r *Runs) List(ctx context.Context, request *aggregatorv1.ListRunsRequest) iter.Seq2[*runv1.Run, error] {
	return list(ctx, request, r.aggregator.ListRuns, (*aggregatorv1.ListRunsResponse).GetRuns)
}

// Logs answers the log of a run, one JSON object a line.
func (r *Runs) Logs(ctx context.Context, runID string) (Document, error) {
	body, err := r.aggregator.GetRunLogs(ctx, &aggregatorv1.GetRunLogsRequest{RunId: runID})
	return documentOf(body), err
}

// Upload sends a whole file of records, of type application/x-ndjson, text/csv, application/vnd.apache.parquet or
// application/vnd.apache.arrow.stream, and answers the run that took them. The same file, or the same request_id, is taken once, so a
// retry is safe; up to 8 MiB are retried by themselves.
func (r *Runs) Upload(
	ctx context.Context, profileID, mediaType string, records io.Reader, edits ...func(*aggregatorv1.UploadRecordsRequest),
) (*runv1.Run, error) {
	first := edited(&aggregatorv1.UploadRecordsRequest{ProfileId: profileID}, edits)
	answer, err := upload(ctx, r.aggregator.UploadRecords, Document{MediaType: mediaType}, records,
		func(part Document) *aggregatorv1.UploadRecordsRequest {
			message := first
			first = &aggregatorv1.UploadRecordsRequest{}
			message.Body = part.body()
			return message
		})
	return answer.GetRun(), err
}

// Submit takes records, each the text of a JSON object, and answers what became of them. The same submission is taken once.
func (r *Runs) Submit(
	ctx context.Context, submission *aggregatorv1.Submission, edits ...func(*aggregatorv1.SubmitResultsRequest),
) (*aggregatorv1.SubmitResultsResponse, error) {
	return r.aggregator.SubmitResults(ctx, edited(&aggregatorv1.SubmitResultsRequest{
		Document: &aggregatorv1.SubmitResultsRequest_Submission{Submission: submission},
	}, edits))
}

// Watch iterates runs that start, change or end from now on, until the context ends, which is its last error.
func (r *Runs) Watch(ctx context.Context) iter.Seq2[*runv1.Run, error] {
	return func(yield func(*runv1.Run, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		changes, err := r.aggregator.WatchRuns(ctx, &aggregatorv1.WatchRunsRequest{})
		for err == nil {
			var change *aggregatorv1.WatchRunsResponse
			if change, err = changes.Recv(); change.GetRun() != nil && !yield(change.GetRun(), nil) {
				return
			}
		}
		yield(nil, err)
	}
}

func hasEnded(state coordinatorv1.WorkState) bool {
	switch state {
	case coordinatorv1.WorkState_WORK_STATE_SUCCEEDED, coordinatorv1.WorkState_WORK_STATE_DEAD, coordinatorv1.WorkState_WORK_STATE_CANCELLED:
		return true
	}
	return false
}

// looks are ever longer pauses between looks at what is under way.
type looks struct {
	ctx    context.Context
	waited time.Duration
}

func (l *looks) pause() error {
	l.waited = min(max(l.waited*3/2, firstLook), slowestLook)
	select {
	case <-time.After(l.waited):
		return nil
	case <-l.ctx.Done():
		return errorOf(l.ctx.Err(), "")
	}
}

package chartly_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	aggregatorv1 "chartly.dev/sdk-go/gen/aggregator/v1"
	coordinatorv1 "chartly.dev/sdk-go/gen/coordinator/v1"
	runv1 "chartly.dev/sdk-go/gen/run/v1"
)

// A mesh has one work item, which goes from state to state at each look, and its run.
type mesh struct {
	coordinatorv1.UnimplementedCoordinatorServiceServer
	aggregatorv1.UnimplementedAggregatorServiceServer
	states    []coordinatorv1.WorkState
	runStates []runv1.RunState
	watched   []*aggregatorv1.WatchRunsResponse
	uploads   []*aggregatorv1.UploadRecordsRequest
}

func (m *mesh) RunNow(_ context.Context, request *coordinatorv1.RunNowRequest) (*coordinatorv1.RunNowResponse, error) {
	return &coordinatorv1.RunNowResponse{Work: &coordinatorv1.Work{WorkId: "w-1", TriggerId: request.GetRequestId()}}, nil
}

func (m *mesh) GetWork(context.Context, *coordinatorv1.GetWorkRequest) (*coordinatorv1.GetWorkResponse, error) {
	state := m.states[0]
	m.states = m.states[min(1, len(m.states)-1):]
	return &coordinatorv1.GetWorkResponse{Work: &coordinatorv1.Work{WorkId: "w-1", RunId: "r-1", State: state}}, nil
}

func (m *mesh) GetRun(context.Context, *aggregatorv1.GetRunRequest) (*aggregatorv1.GetRunResponse, error) {
	state := m.runStates[0]
	m.runStates = m.runStates[1:]
	if state == runv1.RunState_RUN_STATE_UNSPECIFIED {
		return nil, status.Error(codes.NotFound, "not heard of it yet")
	}
	return &aggregatorv1.GetRunResponse{Run: &runv1.Run{RunId: "r-1", State: state}}, nil
}

func (m *mesh) WatchRuns(_ *aggregatorv1.WatchRunsRequest, stream grpc.ServerStreamingServer[aggregatorv1.WatchRunsResponse]) error {
	for _, change := range m.watched {
		if err := stream.Send(change); err != nil {
			return err
		}
	}
	<-stream.Context().Done()
	return stream.Context().Err()
}

func (m *mesh) UploadRecords(stream grpc.ClientStreamingServer[aggregatorv1.UploadRecordsRequest, aggregatorv1.UploadRecordsResponse]) error {
	for {
		part, err := stream.Recv()
		if err != nil {
			return stream.SendAndClose(&aggregatorv1.UploadRecordsResponse{Run: &runv1.Run{RunId: "r-1"}})
		}
		m.uploads = append(m.uploads, part)
	}
}

func (m *mesh) on(server *grpc.Server) {
	coordinatorv1.RegisterCoordinatorServiceServer(server, m)
	aggregatorv1.RegisterAggregatorServiceServer(server, m)
}

func TestRunWaitsUntilTheRunHasEndedEverywhere(t *testing.T) {
	served := &mesh{
		states: []coordinatorv1.WorkState{
			coordinatorv1.WorkState_WORK_STATE_QUEUED, coordinatorv1.WorkState_WORK_STATE_LEASED, coordinatorv1.WorkState_WORK_STATE_DEAD,
		},
		runStates: []runv1.RunState{
			runv1.RunState_RUN_STATE_UNSPECIFIED, runv1.RunState_RUN_STATE_RUNNING, runv1.RunState_RUN_STATE_FAILED,
		},
	}
	var seen []string
	run, err := connected(t, served.on).Runs.Run(patient(t), "p", func(work *coordinatorv1.Work) {
		seen = append(seen, strings.TrimPrefix(work.GetState().String(), "WORK_STATE_"))
	})
	if err != nil || run.GetState() != runv1.RunState_RUN_STATE_FAILED {
		t.Error(run, err)
	}
	if !slices.Equal(seen, []string{"QUEUED", "LEASED", "DEAD"}) {
		t.Errorf("progress %q", seen)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	served := &mesh{states: []coordinatorv1.WorkState{coordinatorv1.WorkState_WORK_STATE_QUEUED}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := connected(t, served.on).Runs.Wait(ctx, "w-1", func(*coordinatorv1.Work) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	served := &mesh{watched: []*aggregatorv1.WatchRunsResponse{{}, {Run: &runv1.Run{RunId: "r-1"}}}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var seen []string
	for run, err := range connected(t, served.on).Runs.Watch(ctx) {
		seen = append(seen, run.GetRunId()+status.Code(err).String())
		cancel()
	}
	if !slices.Equal(seen, []string{"r-1OK", "Canceled"}) {
		t.Errorf("saw %q", seen)
	}
}

func TestUploadLeavesTheRequestIDToTheFilesDigest(t *testing.T) {
	served := &mesh{}
	run, err := connected(t, served.on).Runs.Upload(patient(t), "p", "text/csv", strings.NewReader("a,b\n"))
	if err != nil || run.GetRunId() != "r-1" {
		t.Fatal(run, err)
	}
	first := served.uploads[0]
	if len(served.uploads) != 1 || first.GetProfileId() != "p" || first.GetRequestId() != "" ||
		first.GetBody().GetContentType() != "text/csv" || string(first.GetBody().GetData()) != "a,b\n" {
		t.Errorf("%v", served.uploads)
	}
}

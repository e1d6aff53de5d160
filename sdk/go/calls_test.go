package chartly_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	chartly "chartly.dev/sdk-go"
	errorsv1 "chartly.dev/sdk-go/gen/errors/v1"
	registryv1 "chartly.dev/sdk-go/gen/registry/v1"
)

// A registry answers each call after as many failures as a test wants.
type registry struct {
	registryv1.UnimplementedRegistryServiceServer
	fail func(context.Context) error
	// What its calls came with.
	requestIDs, keys, requests []string
}

func (r *registry) called(ctx context.Context, request string) error {
	r.requestIDs = append(r.requestIDs, header(ctx, "x-request-id"))
	r.keys = append(r.keys, header(ctx, "authorization"))
	r.requests = append(r.requests, request)
	if r.fail == nil {
		return nil
	}
	return r.fail(ctx)
}

func (r *registry) GetProfile(
	ctx context.Context, request *registryv1.GetProfileRequest,
) (*registryv1.GetProfileResponse, error) {
	if err := r.called(ctx, request.GetProfileId()); err != nil {
		return nil, err
	}
	return &registryv1.GetProfileResponse{Revision: &registryv1.Revision{ProfileId: request.GetProfileId()}}, nil
}

func (r *registry) CreateProfile(
	ctx context.Context, request *registryv1.CreateProfileRequest,
) (*registryv1.CreateProfileResponse, error) {
	return nil, r.called(ctx, request.GetRequestId())
}

func (r *registry) ListProfiles(
	ctx context.Context, request *registryv1.ListProfilesRequest,
) (*registryv1.ListProfilesResponse, error) {
	if err := r.called(ctx, request.GetPageToken()); err != nil {
		return nil, err
	}
	pages := map[string]*registryv1.ListProfilesResponse{
		"":  {Profiles: []*registryv1.Revision{{ProfileId: "a"}, {ProfileId: "b"}}, NextPageToken: "1"},
		"1": {NextPageToken: "2"},
		"2": {Profiles: []*registryv1.Revision{{ProfileId: "c"}}},
	}
	return pages[request.GetPageToken()], nil
}

func (r *registry) on(server *grpc.Server) { registryv1.RegisterRegistryServiceServer(server, r) }

// after returns failures with these codes, one for each call, and then none.
func after(failures ...codes.Code) func(context.Context) error {
	return func(context.Context) error {
		if len(failures) == 0 {
			return nil
		}
		code := failures[0]
		failures = failures[1:]
		return status.Error(code, "injected")
	}
}

func TestSafeMethodIsRetriedUnderOneRequestID(t *testing.T) {
	served := &registry{fail: after(codes.Unavailable, codes.Unavailable)}
	client := connected(t, served.on, chartly.WithAPIKey("chk_1"))
	revision, err := client.Profiles.Get(patient(t), "a")
	if err != nil || revision.GetProfileId() != "a" {
		t.Fatal(revision, err)
	}
	if len(served.requestIDs) != 3 || len(slices.Compact(served.requestIDs)) != 1 || len(served.requestIDs[0]) != 32 {
		t.Errorf("request ids %q", served.requestIDs)
	}
	if served.keys[0] != "Bearer chk_1" {
		t.Errorf("keys %q", served.keys)
	}
}

func TestAttemptsEndAfterFive(t *testing.T) {
	served := &registry{fail: func(context.Context) error { return status.Error(codes.Unavailable, "down") }}
	client := connected(t, served.on)
	_, err := client.Profiles.Get(patient(t), "a")
	if status.Code(err) != codes.Unavailable || len(served.requestIDs) != 5 {
		t.Errorf("%v after %d attempts", err, len(served.requestIDs))
	}
}

func TestUnsafeMethodAndOtherCodesAreNotRetried(t *testing.T) {
	served := &registry{fail: after(codes.Unavailable, codes.ResourceExhausted)}
	client := connected(t, served.on)
	_, err := client.Profiles.Create(patient(t), chartly.YAML([]byte("profile_id: a")))
	if status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
	if _, err = client.Profiles.Get(patient(t), "a"); status.Code(err) != codes.ResourceExhausted {
		t.Error(err)
	}
	if len(served.requestIDs) != 2 {
		t.Errorf("%d attempts", len(served.requestIDs))
	}
}

func TestServerCanForbidRetries(t *testing.T) {
	served := &registry{fail: func(ctx context.Context) error {
		_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", "-1"))
		return status.Error(codes.Unavailable, "down")
	}}
	client := connected(t, served.on)
	_, err := client.Profiles.Get(patient(t), "a")
	if status.Code(err) != codes.Unavailable || len(served.requestIDs) != 1 {
		t.Errorf("%v after %d attempts", err, len(served.requestIDs))
	}
}

func TestCreateHasARequestIDUnlessGivenOne(t *testing.T) {
	served := &registry{}
	client := connected(t, served.on)
	for _, edit := range []func(*registryv1.CreateProfileRequest){
		func(*registryv1.CreateProfileRequest) {},
		func(request *registryv1.CreateProfileRequest) { request.RequestId = "load-1" },
	} {
		_, _ = client.Profiles.Create(patient(t), chartly.JSON([]byte("{}")), edit)
	}
	if len(served.requests[0]) != 32 || served.requests[1] != "load-1" {
		t.Errorf("request ids %q", served.requests)
	}
}

func TestListFollowsPagesAndCanBeIteratedAgain(t *testing.T) {
	served := &registry{}
	client := connected(t, served.on)
	profiles := client.Profiles.List(patient(t), &registryv1.ListProfilesRequest{PageSize: 2})
	for range 2 {
		var names []string
		for profile, err := range profiles {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, profile.GetProfileId())
		}
		if strings.Join(names, "") != "abc" {
			t.Errorf("profiles %q", names)
		}
	}
	if tokens := strings.Join(served.requests, ","); tokens != ",1,2,,1,2" {
		t.Errorf("page tokens %s", tokens)
	}
}

func TestListAsksForNoPageThatNobodyWants(t *testing.T) {
	served := &registry{}
	client := connected(t, served.on)
	for _, err := range client.Profiles.List(patient(t), nil) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if len(served.requests) != 1 {
		t.Errorf("page tokens %q", served.requests)
	}
}

func TestErrorOfAListIsItsLastItem(t *testing.T) {
	served := &registry{fail: after(codes.OK, codes.Internal)}
	client := connected(t, served.on)
	var seen []string
	for profile, err := range client.Profiles.List(patient(t), nil) {
		seen = append(seen, profile.GetProfileId()+status.Code(err).String())
	}
	if strings.Join(seen, " ") != "aOK bOK Internal" {
		t.Errorf("saw %q", seen)
	}
}

func TestErrorSaysReasonMetadataAndViolations(t *testing.T) {
	served := &registry{fail: func(context.Context) error {
		said, err := status.New(codes.InvalidArgument, "profile_id: too long").WithDetails(
			&errdetails.ErrorInfo{
				Domain: "chartly.dev", Reason: "ERROR_REASON_INVALID_FIELD", Metadata: map[string]string{"violations": "1"},
			},
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
				{Field: "profile_id", Description: "too long", Reason: "string.max_len"},
			}},
		)
		if err != nil {
			return err
		}
		return said.Err()
	}}
	client := connected(t, served.on)
	_, err := client.Profiles.Get(patient(t), "a")
	var failure *chartly.Error
	if !errors.As(err, &failure) {
		t.Fatal(err)
	}
	if failure.Code != codes.InvalidArgument || failure.Reason != errorsv1.ErrorReason_ERROR_REASON_INVALID_FIELD ||
		failure.Metadata["violations"] != "1" || failure.RequestID != served.requestIDs[0] ||
		!slices.Equal(failure.Violations, []chartly.Violation{{Field: "profile_id", Description: "too long", Reason: "string.max_len"}}) {
		t.Errorf("%+v", failure)
	}
	if err.Error() != "INVALID_ARGUMENT: profile_id: too long (ERROR_REASON_INVALID_FIELD)" {
		t.Error(err)
	}
}

func TestDeadlineOfTheCallAndOfTheClient(t *testing.T) {
	served := &registry{fail: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	bounded, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	for ctx, options := range map[context.Context][]chartly.Option{
		bounded:              nil,
		context.Background(): {chartly.WithTimeout(50 * time.Millisecond)},
	} {
		_, err := connected(t, served.on, options...).Profiles.Get(ctx, "a")
		if status.Code(err) != codes.DeadlineExceeded || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	}
}

func TestCancelledCallIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	served := &registry{fail: func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() }}
	_, err := connected(t, served.on).Profiles.Get(ctx, "a")
	if !errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

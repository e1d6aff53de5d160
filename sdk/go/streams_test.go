package chartly_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	chartly "chartly.dev/sdk-go"
	errorsv1 "chartly.dev/sdk-go/gen/errors/v1"
	storagev1 "chartly.dev/sdk-go/gen/storage/v1"
)

const (
	firstRow  = `{"record_id":"a","run_id":"r","observed_at":"2026-01-01T00:00:00Z","dims":{"n":"9007199254740993","who":null},"measures":{"x":1.10}}` + "\n"
	secondRow = `{"record_id":"b","run_id":"r","observed_at":"2026-01-01T00:01:00Z","dims":{"n":2},"measures":{"x":1e21}}` + "\n"
	endMark   = `{"end":{"row_count":2}}` + "\n"
	errorMark = `{"error":{"code":15,"message":"damaged","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo",` +
		`"domain":"chartly.dev","reason":"ERROR_REASON_ARTIFACT_CORRUPT","metadata":{"digest":"sha256:0"}}]}}` + "\n"
)

// A storage sends its parts, and keeps what it is sent.
type storage struct {
	storagev1.UnimplementedStorageServiceServer
	parts  []string
	fail   error
	refuse int

	formats []string
	kept    []byte
	types   []string
	ended   error
}

func (s *storage) ReadDataset(request *storagev1.ReadDatasetRequest, stream grpc.ServerStreamingServer[httpbody.HttpBody]) error {
	s.formats = append(s.formats, request.GetFormat())
	for _, part := range s.parts {
		if err := stream.Send(&httpbody.HttpBody{ContentType: "application/x-ndjson", Data: []byte(part)}); err != nil {
			return err
		}
	}
	return s.fail
}

func (s *storage) PutArtifact(stream grpc.ClientStreamingServer[storagev1.PutArtifactRequest, storagev1.PutArtifactResponse]) error {
	s.kept, s.types = nil, nil
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.ended = err
			return err
		}
		s.kept, s.types = append(s.kept, part.GetBody().GetData()...), append(s.types, part.GetBody().GetContentType())
	}
	if s.refuse > 0 {
		s.refuse--
		return status.Error(codes.Unavailable, "injected")
	}
	return stream.SendAndClose(&storagev1.PutArtifactResponse{Artifact: &storagev1.Artifact{SizeBytes: int64(len(s.kept))}})
}

func (s *storage) on(server *grpc.Server) { storagev1.RegisterStorageServiceServer(server, s) }

func readRows(t *testing.T, served *storage) ([]*chartly.Row, error) {
	t.Helper()
	client := connected(t, served.on)
	var rows []*chartly.Row
	for row, err := range client.Datasets.Records(patient(t), &storagev1.ReadDatasetRequest{DatasetId: "d", Format: "csv"}) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func TestRowsKeepEveryDigit(t *testing.T) {
	// Rows need not end where parts do.
	text := firstRow + secondRow + endMark
	served := &storage{parts: []string{text[:30], "", text[30:200], text[200:]}}
	rows, err := readRows(t, served)
	if err != nil || len(rows) != 2 {
		t.Fatal(len(rows), err)
	}
	first, second := rows[0], rows[1]
	if first.Dims["n"] != "9007199254740993" || first.Dims["who"] != nil || digits(first.Measures["x"]) != "1.10" {
		t.Errorf("%+v", first)
	}
	if second.RecordID != "b" || second.ObservedAt != "2026-01-01T00:01:00Z" || digits(second.Measures["x"]) != "1e21" {
		t.Errorf("%+v", second)
	}
	if served.formats[0] != "ndjson" {
		t.Errorf("read as %q", served.formats)
	}
}

func digits(number any) string { return number.(interface{ String() string }).String() }

func TestRowsWithoutTheirEndMarkAreDataLoss(t *testing.T) {
	for _, parts := range [][]string{{firstRow, secondRow}, {firstRow, secondRow[:40]}, {""}} {
		_, err := readRows(t, &storage{parts: parts})
		var failure *chartly.Error
		if !errors.As(err, &failure) || failure.Code != codes.DataLoss || failure.RequestID == "" ||
			failure.Reason != errorsv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			t.Errorf("%q: %v", parts, err)
		}
	}
}

func TestErrorMarkIsTheErrorOfTheRows(t *testing.T) {
	rows, err := readRows(t, &storage{parts: []string{firstRow, errorMark}})
	var failure *chartly.Error
	if !errors.As(err, &failure) || len(rows) != 1 || failure.Code != codes.DataLoss || failure.Message != "damaged" ||
		failure.Reason != errorsv1.ErrorReason_ERROR_REASON_ARTIFACT_CORRUPT || failure.Metadata["digest"] != "sha256:0" {
		t.Errorf("%d rows, %+v", len(rows), failure)
	}
}

func TestRowsThatBreakOffEndWithTheirCallsError(t *testing.T) {
	rows, err := readRows(t, &storage{parts: []string{firstRow}, fail: status.Error(codes.Internal, "broken")})
	if status.Code(err) != codes.Internal || len(rows) != 1 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestReadFailsAtOnce(t *testing.T) {
	client := connected(t, (&storage{fail: status.Error(codes.NotFound, "no such dataset")}).on)
	if _, err := client.Datasets.Read(patient(t), &storagev1.ReadDatasetRequest{DatasetId: "d"}); status.Code(err) != codes.NotFound {
		t.Error(err)
	}
}

func TestReadAnswersBytesAsTheyAre(t *testing.T) {
	client := connected(t, (&storage{parts: []string{firstRow, "", secondRow}}).on)
	body, err := client.Datasets.Read(patient(t), &storagev1.ReadDatasetRequest{DatasetId: "d"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	content, err := io.ReadAll(iotest.OneByteReader(body))
	if err != nil || string(content) != firstRow+secondRow || body.MediaType != "application/x-ndjson" {
		t.Error(body.MediaType, len(content), err)
	}
}

func TestUploadGoesInPartsOfWhichTheFirstSaysTheType(t *testing.T) {
	for _, size := range []int{0, 1, 256 << 10, 600_000} {
		served := &storage{}
		content := bytes.Repeat([]byte("x"), size)
		artifact, err := connected(t, served.on).Artifacts.Put(patient(t), "text/plain", iotest.HalfReader(bytes.NewReader(content)))
		if err != nil || artifact.GetSizeBytes() != int64(size) || !bytes.Equal(served.kept, content) {
			t.Errorf("%d bytes: %v, %v", size, artifact, err)
		}
		if served.types[0] != "text/plain" || strings.Join(served.types[1:], "") != "" {
			t.Errorf("types %q", served.types)
		}
	}
}

func TestUploadIsRetriedWhole(t *testing.T) {
	served := &storage{refuse: 2}
	content := bytes.Repeat([]byte("y"), 3<<20)
	artifact, err := connected(t, served.on).Artifacts.Put(patient(t), "text/plain", bytes.NewReader(content))
	if err != nil || artifact.GetSizeBytes() != 3<<20 || served.refuse != 0 {
		t.Error(artifact, err)
	}
}

func TestFileThatCannotBeReadEndsItsUpload(t *testing.T) {
	served := &storage{}
	broken := errors.New("the disk is gone")
	file := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken))
	if _, err := connected(t, served.on).Artifacts.Put(patient(t), "text/plain", file); !errors.Is(err, broken) {
		t.Error(err)
	}
}

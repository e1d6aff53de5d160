package chartly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	storagev1 "chartly.dev/sdk-go/gen/storage/v1"
)

// A Row is a record of a dataset. Numbers are [json.Number], so they keep every digit; an integer beyond ±2^53, a decimal, a date and
// a timestamp are strings.
type Row struct {
	// RecordID is the sha256 of its content.
	RecordID string `json:"record_id"`
	// RunID names the run that delivered it.
	RunID string `json:"run_id"`
	// ObservedAt is when it was observed: RFC 3339 in UTC.
	ObservedAt string `json:"observed_at"`
	// Dims are its dims by name.
	Dims map[string]any `json:"dims"`
	// Measures are its measures by name.
	Measures map[string]any `json:"measures"`
}

// line is a row, or the mark at the end of all rows.
type line struct {
	Row
	End   json.RawMessage `json:"end"`
	Error json.RawMessage `json:"error"`
}

// Records iterates the rows of a version of a dataset while they arrive; the request's format is ndjson whatever it says. A stream that
// was cut short ends with DATA_LOSS, one that failed with what its service said.
func (d *Datasets) Records(ctx context.Context, request *storagev1.ReadDatasetRequest) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		request := proto.CloneOf(request)
		request.Format = "ndjson"
		body, err := d.Read(ctx, request)
		if err != nil {
			yield(nil, err)
			return
		}
		defer body.Close()
		decoder := json.NewDecoder(body)
		decoder.UseNumber()
		for {
			row, err := nextRow(decoder, sentID(body.parts.Context()))
			if errors.Is(err, io.EOF) || !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// nextRow returns io.EOF after the mark that says that all rows have come.
func nextRow(decoder *json.Decoder, requestID string) (*Row, error) {
	var next line
	err := decoder.Decode(&next)
	var failure *Error
	switch {
	case errors.As(err, &failure):
		return nil, err
	case err != nil:
		return nil, errorOf(grpcstatus.Error(codes.DataLoss, "the rows end without their end marker; read them again"), requestID)
	case next.Error != nil:
		return nil, markedError(next.Error, requestID)
	case next.End != nil:
		return nil, io.EOF
	}
	return &next.Row, nil
}

func markedError(text json.RawMessage, requestID string) error {
	var said status.Status
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, &said); err != nil {
		return fmt.Errorf("chartly: the error marker cannot be read: %w", err)
	}
	return errorOf(grpcstatus.FromProto(&said).Err(), requestID)
}

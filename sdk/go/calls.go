package chartly

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

const requestIDKey = "x-request-id"

// unary gives a call its metadata and its deadline, and its error the form that callers see. It stands outside of the retries, so
// that all attempts of a call have one request id.
func (o *options) unary(
	ctx context.Context, method string, request, answer any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	ctx, requestID := o.outgoing(ctx)
	if o.timeout > 0 {
		bounded, cancel := context.WithTimeout(ctx, o.timeout)
		defer cancel()
		ctx = bounded
	}
	return errorOf(invoke(ctx, method, request, answer, conn, opts...), requestID)
}

func (o *options) stream(
	ctx context.Context, description *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	ctx, requestID := o.outgoing(ctx)
	stream, err := open(ctx, description, conn, method, opts...)
	if err != nil {
		return nil, errorOf(err, requestID)
	}
	return &explainedStream{stream, requestID}, nil
}

// outgoing adds the key and a request id, unless the caller has sent one of its own.
func (o *options) outgoing(ctx context.Context) (context.Context, string) {
	if sent, _ := metadata.FromOutgoingContext(ctx); o.secret != "" && len(sent.Get("authorization")) == 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+o.secret)
	}
	if own := sentID(ctx); own != "" {
		return ctx, own
	}
	requestID := newRequestID()
	return metadata.AppendToOutgoingContext(ctx, requestIDKey, requestID), requestID
}

// sentID returns the request id of a call that was sent.
func sentID(ctx context.Context) string {
	sent, _ := metadata.FromOutgoingContext(ctx)
	if ids := sent.Get(requestIDKey); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// newRequestID returns 32 hexadecimal digits that no other call has.
func newRequestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, as crypto/rand promises
	return hex.EncodeToString(id[:])
}

// An explainedStream is a stream whose errors are those of this package.
type explainedStream struct {
	grpc.ClientStream
	requestID string
}

func (s *explainedStream) SendMsg(message any) error {
	return s.explain(s.ClientStream.SendMsg(message))
}

func (s *explainedStream) RecvMsg(message any) error {
	return s.explain(s.ClientStream.RecvMsg(message))
}

func (s *explainedStream) CloseSend() error { return s.explain(s.ClientStream.CloseSend()) }

func (s *explainedStream) explain(err error) error {
	if errors.Is(err, io.EOF) {
		return err
	}
	return errorOf(err, s.requestID)
}

package chartly

import (
	"context"
	"errors"
	"io"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
)

const (
	partBytes       = 256 << 10
	maxRetriedBytes = 8 << 20
)

// A Body is a file that is being read. Close it, unless it was read to its end.
type Body struct {
	// MediaType says what it is.
	MediaType string

	parts  grpc.ServerStreamingClient[httpbody.HttpBody]
	rest   []byte
	err    error
	cancel context.CancelFunc
}

// download opens a body and waits for its first part, so that a call that fails does it here.
func download[M any](
	ctx context.Context, request *M,
	call func(context.Context, *M, ...grpc.CallOption) (grpc.ServerStreamingClient[httpbody.HttpBody], error),
) (*Body, error) {
	ctx, cancel := context.WithCancel(ctx)
	parts, err := call(ctx, request)
	if err != nil {
		cancel()
		return nil, err
	}
	body := &Body{parts: parts, cancel: cancel}
	body.MediaType = body.next().GetContentType()
	if body.err != nil && !errors.Is(body.err, io.EOF) {
		return nil, body.err
	}
	return body, nil
}

// Read reads the next bytes. At the end of the file it returns io.EOF; where the call failed before, its [*Error].
func (b *Body) Read(into []byte) (int, error) {
	for len(b.rest) == 0 && b.err == nil {
		b.next()
	}
	if len(b.rest) == 0 {
		return 0, b.err
	}
	count := copy(into, b.rest)
	b.rest = b.rest[count:]
	return count, nil
}

// Close ends the call.
func (b *Body) Close() error {
	b.cancel()
	return nil
}

func (b *Body) next() *httpbody.HttpBody {
	part, err := b.parts.Recv()
	if err != nil {
		b.cancel()
	}
	b.rest, b.err = part.GetData(), err
	return part
}

// upload sends a file in parts, each as the message that it makes of it; the first has the media type.
func upload[M, A any](
	ctx context.Context, call func(context.Context, ...grpc.CallOption) (grpc.ClientStreamingClient[M, A], error),
	document Document, file io.Reader, message func(Document) *M,
) (*A, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // a file that cannot be read ends the call before its last part, so nothing of it is kept
	parts, err := call(ctx, grpc.MaxRetryRPCBufferSize(maxRetriedBytes))
	if err != nil {
		return nil, err
	}
	for ended := false; !ended; document.MediaType = "" {
		document.Text = make([]byte, partBytes)
		count, err := io.ReadFull(file, document.Text)
		ended = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return nil, err
		}
		document.Text = document.Text[:count]
		if parts.Send(message(document)) != nil {
			break // the answer says why
		}
	}
	return parts.CloseAndRecv()
}

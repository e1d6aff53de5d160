package chartly_test

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	chartly "chartly.dev/sdk-go"
)

// connected returns a client of a real gRPC server in this process that has the services which a test registers.
func connected(t *testing.T, register func(*grpc.Server), options ...chartly.Option) *chartly.Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	register(server)
	go func() { _ = server.Serve(listener) }()
	client, err := chartly.New("http://"+listener.Addr().String(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		server.Stop()
	})
	return client
}

// patient returns a context that ends when a test has long gone wrong.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// header returns a value that a call came with.
func header(ctx context.Context, name string) string {
	received, _ := metadata.FromIncomingContext(ctx)
	if values := received.Get(name); len(values) > 0 {
		return values[0]
	}
	return ""
}

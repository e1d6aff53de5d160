package chartly_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	chartly "chartly.dev/sdk-go"
)

func TestAddressThatIsNoURLIsRefused(t *testing.T) {
	for _, address := range []string{"localhost:8090", "ftp://localhost", "http://", "http://localhost/api", "://"} {
		if client, err := chartly.New(address); err == nil {
			_ = client.Close()
			t.Errorf("%q was taken", address)
		}
	}
}

func TestAddressAndKeyComeFromTheEnvironment(t *testing.T) {
	served := &registry{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	served.on(server)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	t.Setenv("CHARTLY_URL", "http://"+listener.Addr().String()+"/")
	t.Setenv("CHARTLY_API_KEY", "chk_env\n")
	for _, options := range [][]chartly.Option{nil, {chartly.WithAPIKey("")}, {chartly.WithToken("other")}} {
		client, err := chartly.New("", options...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Profiles.Get(patient(t), "a"); err != nil {
			t.Error(err)
		}
		_ = client.Close()
	}
	for index, key := range []string{"Bearer chk_env", "", "Bearer other"} {
		if served.keys[index] != key {
			t.Errorf("key %d is %q", index, served.keys[index])
		}
	}
}

func TestHTTPSSpeaksTLS(t *testing.T) {
	certified := httptest.NewTLSServer(nil) // for its certificate
	defer certified.Close()
	served := &registry{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&certified.TLS.Certificates[0])))
	served.on(server)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	trusted := x509.NewCertPool()
	trusted.AddCert(certified.Certificate())
	client, err := chartly.New("https://"+listener.Addr().String(), chartly.WithTLS(&tls.Config{RootCAs: trusted}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if _, err := client.Profiles.Get(patient(t), "a"); err != nil {
		t.Error(err)
	}
}

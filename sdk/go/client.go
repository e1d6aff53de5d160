package chartly

import (
	"cmp"
	_ "embed"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	aggregatorv1 "chartly.dev/sdk-go/gen/aggregator/v1"
	analyticsv1 "chartly.dev/sdk-go/gen/analytics/v1"
	auditv1 "chartly.dev/sdk-go/gen/audit/v1"
	authv1 "chartly.dev/sdk-go/gen/auth/v1"
	coordinatorv1 "chartly.dev/sdk-go/gen/coordinator/v1"
	gatewayv1 "chartly.dev/sdk-go/gen/gateway/v1"
	registryv1 "chartly.dev/sdk-go/gen/registry/v1"
	reporterv1 "chartly.dev/sdk-go/gen/reporter/v1"
	storagev1 "chartly.dev/sdk-go/gen/storage/v1"
)

// Deadlines and retries of every method, made from the contracts.
//
//go:embed gen/service_config.json
var serviceConfig string

const (
	maxMessageBytes = 64 << 20
	userAgent       = "chartly-sdk-go"
)

// A Client talks to one mesh as one caller. It is safe for concurrent use, and connects when it is first needed.
type Client struct {
	// Profiles describe sources.
	Profiles *Profiles
	// Contracts say what records and messages have to look like.
	Contracts *Contracts
	// Runs bring records.
	Runs *Runs
	// Results are what runs brought.
	Results *Results
	// Records are the rows of datasets, page by page.
	Records *Records
	// Quarantine keeps records that did not fit.
	Quarantine *Quarantine
	// Datasets are what runs fill.
	Datasets *Datasets
	// Artifacts are bytes under their digest.
	Artifacts *Artifacts
	// Reports are figures with a digest.
	Reports *Reports
	// Analytics computes over datasets.
	Analytics *Analytics
	// Drones carry runs out.
	Drones *Drones
	// Work waits, is under way or has ended.
	Work *Work
	// Keys identify callers.
	Keys *Keys
	// Audit is the ledger.
	Audit *Audit
	// Status says how the mesh is.
	Status *Status

	conn *grpc.ClientConn
}

// New returns a client of the mesh at a URL, as in http://localhost:8090 or https://chartly.example.com. An empty URL means the one in
// CHARTLY_URL, or [DefaultURL]. It fails where the URL is none; whether the mesh answers is seen at the first call.
func New(address string, given ...Option) (*Client, error) {
	o := chosen(given)
	target, secure, err := target(cmp.Or(address, os.Getenv("CHARTLY_URL"), DefaultURL))
	if err != nil {
		return nil, err
	}
	transport := insecure.NewCredentials()
	if secure {
		transport = credentials.NewTLS(o.tls)
	}
	dial := append([]grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDisableServiceConfig(),
		grpc.WithUserAgent(userAgent),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes), grpc.MaxCallSendMsgSize(maxMessageBytes)),
		grpc.WithChainUnaryInterceptor(o.unary),
		grpc.WithChainStreamInterceptor(o.stream),
	}, o.dial...)
	conn, err := grpc.NewClient(target, dial...)
	if err != nil {
		return nil, fmt.Errorf("chartly: %w", err)
	}
	return clientOf(conn), nil
}

// Conn returns the connection, for the generated stubs where this package has no method: the key, the policy and the errors are the same.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

// Close ends the calls that are under way and closes the connection.
func (c *Client) Close() error { return c.conn.Close() }

func clientOf(conn *grpc.ClientConn) *Client {
	registry := registryv1.NewRegistryServiceClient(conn)
	coordinator := coordinatorv1.NewCoordinatorServiceClient(conn)
	aggregator := aggregatorv1.NewAggregatorServiceClient(conn)
	storage := storagev1.NewStorageServiceClient(conn)
	return &Client{
		Profiles:   &Profiles{registry},
		Contracts:  &Contracts{registry},
		Runs:       &Runs{aggregator, coordinator},
		Results:    &Results{aggregator},
		Records:    &Records{aggregator},
		Quarantine: &Quarantine{aggregator},
		Datasets:   &Datasets{storage},
		Artifacts:  &Artifacts{storage},
		Reports:    &Reports{reporterv1.NewReporterServiceClient(conn)},
		Analytics:  &Analytics{analyticsv1.NewAnalyticsServiceClient(conn)},
		Drones:     &Drones{coordinator},
		Work:       &Work{coordinator},
		Keys:       &Keys{authv1.NewAuthServiceClient(conn)},
		Audit:      &Audit{auditv1.NewAuditServiceClient(conn)},
		Status:     &Status{gatewayv1.NewGatewayServiceClient(conn)},
		conn:       conn,
	}
}

// target returns where a URL leads, as host:port, and whether the way there is encrypted.
func target(address string) (string, bool, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" || strings.Trim(parsed.Path, "/") != "" {
		return "", false, fmt.Errorf("chartly: %q is no URL of a mesh; it should look like %s", address, DefaultURL)
	}
	switch parsed.Scheme {
	case "http":
		return net.JoinHostPort(parsed.Hostname(), cmp.Or(parsed.Port(), "80")), false, nil
	case "https":
		return net.JoinHostPort(parsed.Hostname(), cmp.Or(parsed.Port(), "443")), true, nil
	}
	return "", false, fmt.Errorf("chartly: %q is neither http nor https; it should look like %s", address, DefaultURL)
}

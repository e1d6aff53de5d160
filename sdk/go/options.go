package chartly

import (
	"crypto/tls"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
)

// DefaultURL is where a mesh on this machine listens.
const DefaultURL = "http://localhost:8090"

// An Option changes how [New] connects.
type Option func(*options)

type options struct {
	secret  string
	timeout time.Duration
	tls     *tls.Config
	dial    []grpc.DialOption
}

// WithAPIKey sends an API key (`chk_…`) with each call, instead of the one in CHARTLY_API_KEY. An empty key sends none.
func WithAPIKey(key string) Option { return func(o *options) { o.secret = strings.TrimSpace(key) } }

// WithToken sends a bearer token with each call, instead of an API key. An empty token sends none.
func WithToken(token string) Option { return WithAPIKey(token) }

// WithTimeout bounds each call that is no stream, retries included, where neither its context nor its method is stricter.
func WithTimeout(timeout time.Duration) Option { return func(o *options) { o.timeout = timeout } }

// WithTLS sets how an https connection is secured, such as with a certificate authority of one's own.
func WithTLS(config *tls.Config) Option { return func(o *options) { o.tls = config } }

// WithDialOptions adds options of grpc-go, such as an interceptor or a stats handler.
func WithDialOptions(dial ...grpc.DialOption) Option {
	return func(o *options) { o.dial = append(o.dial, dial...) }
}

func chosen(given []Option) options {
	o := options{secret: strings.TrimSpace(os.Getenv("CHARTLY_API_KEY"))}
	for _, option := range given {
		option(&o)
	}
	return o
}

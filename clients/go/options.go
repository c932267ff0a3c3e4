package arcuate

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"arcuate.invalid/go/internal/wire"
)

// Option sets how to connect, or how a session behaves.
type Option func(*settings) error

type settings struct {
	token    string
	ca       string
	cert     string
	key      string
	tls      *tls.Config
	options  []NamedArg
	grace    time.Duration
	window   time.Duration
	limits   wire.Limits
	exact    bool
	output   output
	noResume bool
}

func newSettings(options []Option) (*settings, error) {
	s := &settings{grace: 3 * time.Second, window: time.Minute, limits: wire.DefaultLimits}
	for _, option := range options {
		if option == nil {
			continue
		}
		if err := option(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// WithToken says who we are.
func WithToken(token string) Option {
	return func(s *settings) error { s.token = token; return nil }
}

// WithCA names a PEM file with the authorities that may have signed the hub's certificate, for grpcs://. Without it
// those of the system are trusted.
func WithCA(file string) Option {
	return func(s *settings) error { s.ca = file; return nil }
}

// WithClientCertificate names PEM files with a certificate that says who we are, and its key, for grpcs://.
func WithClientCertificate(certFile, keyFile string) Option {
	return func(s *settings) error { s.cert, s.key = certFile, keyFile; return nil }
}

// WithTLS sets the whole configuration of TLS, for grpcs://.
func WithTLS(config *tls.Config) Option {
	return func(s *settings) error { s.tls = config.Clone(); return nil }
}

// WithEnvironmentOption sets an option of the environment, where the hub allows it.
func WithEnvironmentOption(name string, value any) Option {
	return func(s *settings) error { s.options = append(s.options, NamedArg{name, value}); return nil }
}

// WithGrace sets how long an interrupted interpreter has to stop before it is killed, and a call that was given up
// waits for the hub's word; 3 s by default.
func WithGrace(grace time.Duration) Option {
	return func(s *settings) error {
		if grace <= 0 {
			return newError(InvalidArgument, ExecutedNo, "the grace of %v is not positive", grace)
		}
		s.grace = grace
		return nil
	}
}

// WithReconnect sets for how long a lost connection is made again; never longer than the hub keeps the session. 0: a
// lost connection ends the session at once. One minute by default.
func WithReconnect(window time.Duration) Option {
	return func(s *settings) error {
		if window < 0 {
			return newError(InvalidArgument, ExecutedNo, "the window of %v is negative", window)
		}
		s.window, s.noResume = window, window == 0
		return nil
	}
}

// WithLimits sets what is accepted from the hub, in bytes: of one message and of one array. 0 leaves the default, 2
// GiB and 64 GiB.
func WithLimits(message, array uint64) Option {
	return func(s *settings) error {
		if message > 0 {
			s.limits.Message = message
		}
		if array > 0 {
			s.limits.Array = array
		}
		return nil
	}
}

// WithArrays has every result of R, Octave and MATLAB come back as the array that it is there; without it one of one
// element comes back as a scalar.
func WithArrays() Option {
	return func(s *settings) error { s.exact = true; return nil }
}

// WithOutput has what foreign code prints written while it is printed; nil discards it, as by default. A [Request]
// can say it for one call.
func WithOutput(stdout, stderr io.Writer) Option {
	return func(s *settings) error { s.output.stdout, s.output.stderr = stdout, stderr; return nil }
}

// WithEvents has a function told of every event of a call, printed text included, on the goroutine of the call.
func WithEvents(handle func(Event)) Option {
	return func(s *settings) error { s.output.handle = handle; return nil }
}

// address is where a hub is.
type address struct {
	host, environment string
	secure            bool
}

// destination reads what is given to connect with.
func destination(text string, options []Option) (address, *settings, error) {
	s, err := newSettings(options)
	if err != nil {
		return address{}, nil, err
	}
	if text, err = inside(text, s); err != nil {
		return address{}, nil, err
	}
	to, err := parse(text)
	return to, s, err
}

// insideHub is the scheme of the hub that has started the interpreter in which this program was started.
const insideHub = "hub://"

// inside returns what an address stands for that may be hub:///r, and sets the token for it, if none is given.
func inside(text string, s *settings) (string, error) {
	place, found := strings.CutPrefix(text, insideHub)
	if !found {
		return text, nil
	}
	if place != "" && !strings.HasPrefix(place, "/") {
		return "", newError(InvalidArgument, ExecutedNo,
			"%q names a host; the hub that started this interpreter is %s/%s", text, insideHub, place)
	}
	at, own := os.Getenv("ARCUATE_DELEGATED_GRPC"), os.Getenv("ARCUATE_DELEGATED_TOKEN")
	if own == "" {
		return "", newError(InvalidArgument, ExecutedNo, "%q is the hub that has started the interpreter that this program "+
			"runs in, and none has, or it does not allow that (ARCUATE_DELEGATED_TOKEN is not set); give the address of a hub", text)
	}
	if at == "" {
		return "", newError(InvalidArgument, ExecutedNo, "%q: the hub has no gRPC endpoint on this machine that programs in its "+
			"interpreters can use (ARCUATE_DELEGATED_GRPC is not set); start it with --grpc 127.0.0.1:0", text)
	}
	if s.token == "" {
		s.token = own
	}
	return at + place, nil
}

// parse reads grpc://host:port/environment.
func parse(text string) (address, error) {
	bad := func(why string) (address, error) {
		return address{}, newError(InvalidArgument, ExecutedNo,
			"%s; an address is grpc://host:port/environment, or grpcs:// for TLS", why)
	}
	scheme, _, _ := strings.Cut(text, "://")
	u, err := url.Parse(text)
	if err != nil {
		return bad("the address cannot be read")
	}
	if scheme != "grpc" && scheme != "grpcs" {
		return bad("the scheme " + strings.TrimSpace(scheme) + ":// is not one of this client's")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return bad("an address has a host, a port and an environment only; give a token as WithToken")
	}
	if u.Hostname() == "" {
		return bad("the address has no host")
	}
	port := u.Port()
	if port == "" {
		port = "50051"
	}
	return address{net.JoinHostPort(u.Hostname(), port), strings.Trim(u.Path, "/"), scheme == "grpcs"}, nil
}

func (a address) String() string {
	if a.secure {
		return "grpcs://" + a.host
	}
	return "grpc://" + a.host
}

// credentials are what the connection is made with.
func (s *settings) credentials(to address) (credentials.TransportCredentials, error) {
	given := s.ca != "" || s.cert != "" || s.tls != nil
	if !to.secure {
		if given {
			return nil, newError(InvalidArgument, ExecutedNo, "grpc:// is not encrypted; write grpcs://%s/...", to.host)
		}
		return insecure.NewCredentials(), nil
	}
	config := s.tls
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if s.ca != "" {
		pem, err := os.ReadFile(s.ca)
		if err != nil {
			return nil, newError(InvalidArgument, ExecutedNo, "the authorities cannot be read: %v", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, newError(InvalidArgument, ExecutedNo, "%s holds no certificate in PEM", s.ca)
		}
	}
	if s.cert != "" {
		pair, err := tls.LoadX509KeyPair(s.cert, s.key)
		if err != nil {
			return nil, newError(InvalidArgument, ExecutedNo, "our certificate cannot be read: %v", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(config), nil
}

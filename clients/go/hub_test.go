package arcuate_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	arcuate "arcuate.invalid/go"
)

// TestMain ends the hubs that the tests started, and fails if a goroutine is left.
func TestMain(m *testing.M) {
	flag.Parse()
	if set("test.fuzz") || set("test.fuzzworker") {
		os.Exit(m.Run()) // these need no hub
	}
	var starting sync.WaitGroup
	if command, err := program(); err == nil && !testing.Short() && !set("test.run") {
		for _, one := range []*server{plainHub, secureHub} { // while the tests run that need none
			starting.Go(func() { one.once.Do(func() { one.failed = one.start(command) }) })
		}
	}
	status := m.Run()
	starting.Wait()
	shared.close()
	plainHub.stop()
	secureHub.stop()
	if err := goleak.Find(); err != nil && status == 0 {
		fmt.Fprintln(os.Stderr, "left over:", err)
		status = 1
	}
	os.Exit(status)
}

// set tells whether a flag of the test program was given.
func set(name string) bool {
	one := flag.Lookup(name)
	return one != nil && one.Value.String() != one.DefValue
}

// program is the command arcuate: of this repository, or what the environment variable ARCUATE says.
func program() (string, error) {
	if named := os.Getenv("ARCUATE"); named != "" {
		return named, nil
	}
	path, err := filepath.Abs("../../.venv/bin/arcuate")
	if err == nil {
		_, err = os.Stat(path)
	}
	return path, err
}

// server is a hub that is started when the first test needs it.
type server struct {
	arguments func(folder string) ([]string, error)
	once      sync.Once
	folder    string
	command   *exec.Cmd
	url       string
	failed    error
}

var plainHub = &server{arguments: func(string) ([]string, error) {
	return []string{
		"--set", "environments.python.language=python", "--set", "environments.second.language=python",
		"--set", "environments.r.language=r",
	}, nil
}}

// address is the hub's, as grpc://host:port. Where there is no arcuate to start, the test is skipped.
func (s *server) address(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("hub: left out of the short tests")
	}
	arcuate, err := program()
	if err != nil {
		if os.Getenv("ARCUATE_REQUIRE") == "all" {
			t.Fatalf("hub: %v", err)
		}
		t.Skipf("hub: not installed: %v", err)
	}
	s.once.Do(func() { s.failed = s.start(arcuate) })
	if s.failed != nil {
		t.Fatalf("the hub did not start: %v", s.failed)
	}
	return s.url
}

func (s *server) start(arcuate string) error {
	var err error
	if s.folder, err = os.MkdirTemp("", "arcuate-go"); err != nil {
		return err
	}
	more, err := s.arguments(s.folder)
	if err != nil {
		return err
	}
	ready := filepath.Join(s.folder, "ready.json")
	var said bytes.Buffer
	s.command = exec.Command(arcuate, append([]string{"serve", "--grpc", "127.0.0.1:0", "--ready-file", ready}, more...)...)
	s.command.Dir, s.command.Stdout, s.command.Stderr = s.folder, &said, &said
	bound(s.command)
	if err := s.command.Start(); err != nil {
		return err
	}
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		data, err := os.ReadFile(ready)
		found := map[string]string{}
		if err == nil && json.Unmarshal(data, &found) == nil && found["grpc"] != "" {
			s.url = found["grpc"]
			return nil
		}
		if s.command.ProcessState != nil || time.Now().After(end) {
			return fmt.Errorf("no ready file: %v: %s", err, said.String())
		}
	}
}

func (s *server) stop() {
	if s.command != nil && s.command.Process != nil {
		_ = s.command.Process.Signal(syscall.SIGTERM)
		_ = s.command.Wait()
	}
	if s.folder != "" {
		_ = os.RemoveAll(s.folder)
	}
}

// secureHub wants a token, and a certificate of our authority is what it shows.
var secureHub = &server{arguments: func(folder string) ([]string, error) {
	if err := certificates(folder); err != nil {
		return nil, err
	}
	arcuate, err := program()
	if err != nil {
		return nil, err
	}
	tokens := filepath.Join(folder, "tokens.toml")
	out, err := exec.Command(arcuate, "token", "create", "--file", tokens, "--name", "gopher").Output()
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err := os.WriteFile(filepath.Join(folder, "token"), []byte(lines[len(lines)-1]), 0o600); err != nil {
		return nil, err
	}
	return []string{
		"--tokens", tokens, "--tls-certificate", filepath.Join(folder, "hub.pem"), "--tls-key", filepath.Join(folder, "hub.key"),
	}, nil
}}

// certificates writes a self-signed certificate for 127.0.0.1, which is its own authority.
func certificates(folder string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hub"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for name, block := range map[string]*pem.Block{
		"hub.pem": {Type: "CERTIFICATE", Bytes: der}, "hub.key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// sharedSession is a Python session that many tests use one after the other.
type sharedSession struct {
	once    sync.Once
	session *arcuate.Session
	err     error
}

var shared sharedSession

func (s *sharedSession) close() {
	if s.session != nil {
		_ = s.session.Close()
	}
}

// python is the shared session, with functions to test with.
func python(t *testing.T) (context.Context, *arcuate.Session) {
	t.Helper()
	ctx := limited(t)
	address := plainHub.address(t)
	shared.once.Do(func() {
		if shared.session, shared.err = arcuate.Dial(ctx, address+"/python"); shared.err == nil {
			shared.err = shared.session.Run(ctx, "def identity(*a, **k): return (k or a[0])\ndef apply(f, *a): return f(*a)\n")
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return ctx, shared.session
}

// limited bounds a test: a hang is a failure with a stack.
func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	t.Cleanup(cancel)
	return ctx
}

package arcuate_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	arcuate "arcuate.invalid/go"
)

// proxy passes a connection to a hub on, and can cut it.
type proxy struct {
	listener net.Listener
	hub      string
	mu       sync.Mutex
	limit    int // bytes that may still go to the hub; negative: any number
	closed   bool
	open     []net.Conn
	work     sync.WaitGroup
}

func newProxy(t *testing.T, address string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, hub: strings.TrimPrefix(address, "grpc://"), limit: -1}
	p.work.Go(p.accept)
	t.Cleanup(func() {
		p.cut(true)
		p.work.Wait()
	})
	return p
}

func (p *proxy) address() string { return "grpc://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		hub, err := net.Dial("tcp", p.hub)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, client, hub)
		gone := p.closed
		p.mu.Unlock()
		if gone {
			_ = client.Close()
			_ = hub.Close()
			return
		}
		p.work.Go(func() { p.forward(hub, client) })
		p.work.Go(func() { _, _ = io.Copy(client, hub); _ = client.Close() })
	}
}

// forward passes on what the client sends, as far as it may go.
func (p *proxy) forward(hub, client net.Conn) {
	data := make([]byte, 64<<10)
	for {
		size, err := client.Read(data)
		if err != nil {
			break
		}
		p.mu.Lock()
		over := p.limit >= 0 && size > p.limit
		if p.limit >= 0 && !over {
			p.limit -= size
		}
		p.mu.Unlock()
		if over {
			p.cut(false)
			return
		}
		if _, err = hub.Write(data[:size]); err != nil {
			break
		}
	}
	_ = hub.Close()
	_ = client.Close()
}

// after has the connection cut when so many bytes more have gone to the hub.
func (p *proxy) after(size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = size
}

// cut ends what is open; for good: nothing is accepted any more.
func (p *proxy) cut(good bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if good {
		p.closed = true
		_ = p.listener.Close()
	}
	p.limit = -1
	for _, one := range p.open {
		_ = one.Close()
	}
	p.open = nil
}

// listening takes connections and does something with each; what it returns is its address.
func listening(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	work.Go(func() {
		for {
			one, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, one)
			mu.Unlock()
			work.Go(func() { do(one) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, one := range open {
			_ = one.Close()
		}
		mu.Unlock()
		work.Wait()
	})
	return "grpc://" + listener.Addr().String()
}

// is fails unless an error has a code, is of this package, and says whether the call was executed.
func is(t *testing.T, err error, code arcuate.Code, executed ...arcuate.Executed) *arcuate.Error {
	t.Helper()
	var e *arcuate.Error
	if !errors.Is(err, code) || !errors.As(err, &e) {
		t.Fatalf("%v instead of %s", err, code)
	}
	if len(executed) > 0 && !slices.Contains(executed, e.Executed) {
		t.Fatalf("%v: executed is %s instead of %v", err, e.Executed, executed)
	}
	return e
}

func TestHubDown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	_, err = arcuate.Dial(limited(t), "grpc://"+listener.Addr().String()+"/r")
	is(t, err, arcuate.ConnectionLost, arcuate.ExecutedNo)
}

func TestNoise(t *testing.T) {
	address := listening(t, func(c net.Conn) {
		_, _ = c.Write([]byte(strings.Repeat("\x00\xff what is this? \r\n", 1000)))
		_, _ = io.Copy(io.Discard, c)
	})
	_, err := arcuate.Dial(limited(t), address+"/r")
	if !errors.Is(err, arcuate.ConnectionLost) && !errors.Is(err, arcuate.ProtocolError) {
		t.Errorf("noise arrived as %v", err)
	}
}

func TestSilence(t *testing.T) {
	address := listening(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := arcuate.Dial(ctx, address+"/r")
	is(t, err, arcuate.CallTimeout, arcuate.ExecutedNo)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is no deadline of a context", err)
	}
}

func TestSecure(t *testing.T) {
	ctx := limited(t)
	address := secureHub.address(t) + "/python"
	ca := arcuate.WithCA(filepath.Join(secureHub.folder, "hub.pem"))
	token, err := os.ReadFile(filepath.Join(secureHub.folder, "token"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := arcuate.Dial(ctx, address, ca, arcuate.WithToken(string(token)))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if found, err := s.Eval(ctx, "6 * 7"); err != nil || found != int64(42) {
		t.Errorf("%v, %v", found, err)
	}
	_, err = arcuate.Dial(ctx, address, ca, arcuate.WithToken("arcuate_wrong"))
	is(t, err, arcuate.AuthenticationFailed, arcuate.ExecutedNo)
	_, err = arcuate.Dial(ctx, address, ca)
	is(t, err, arcuate.AuthenticationFailed, arcuate.ExecutedNo)
	_, err = arcuate.Dial(ctx, address, arcuate.WithToken(string(token)))
	is(t, err, arcuate.AuthenticationFailed, arcuate.ExecutedNo)
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "r", "http://host/r", "grpc://", "grpc://user:word@host/r", "grpc://host", "grpc://host/r?x=1", "grpc://[::1/r"} {
		_, err := arcuate.Dial(context.Background(), address)
		e := is(t, err, arcuate.InvalidArgument, arcuate.ExecutedNo)
		if strings.Contains(e.Message, "word") {
			t.Errorf("a password is in the message: %v", err)
		}
	}
	_, err := arcuate.Dial(context.Background(), "grpc://host/r", arcuate.WithCA("nowhere.pem"))
	is(t, err, arcuate.InvalidArgument)
	_, err = arcuate.Dial(context.Background(), "grpcs://host/r", arcuate.WithCA("nowhere.pem"))
	is(t, err, arcuate.InvalidArgument)
}

func TestWrongNames(t *testing.T) {
	ctx, s := python(t)
	_, err := arcuate.Dial(ctx, plainHub.address(t)+"/nowhere")
	is(t, err, arcuate.EnvironmentNotFound)
	_, err = s.Call(ctx, "no_such_function")
	is(t, err, arcuate.NameNotFound)
	_, err = s.Get(ctx, "no_such_variable")
	is(t, err, arcuate.NameNotFound)
}

func TestForeignError(t *testing.T) {
	ctx, s := python(t)
	if err := s.Run(ctx, "class Odd(ValueError): pass\ndef fails(): raise Odd('so it is')"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Call(ctx, "fails")
	e := is(t, err, arcuate.RemoteError, arcuate.ExecutedYes)
	if e.Message != "so it is" || len(e.Class) < 2 || e.Class[0] != "Odd" || e.Language != "Python" ||
		!strings.Contains(strings.Join(e.Stack, "\n"), "fails") {
		t.Errorf("%+v", e)
	}
}

func TestBadValues(t *testing.T) {
	ctx, s := python(t)
	deep := any("end")
	for range 66 {
		deep = []any{deep}
	}
	around := &arcuate.List{}
	around.Items = []any{around}
	for path, value := range map[string]any{
		"$.args[0]":         make(chan int),
		"$.args[0].a[1]":    map[string]any{"a": []any{1, "x\x00y"}},
		`$.args[0]["1 b"]`:  map[string]any{"1 b": "\xff"},
		"$.args[0].name":    struct{ name string }{"x"},
		"$.args[0][0][0][0": deep,
		"$.args[0][0][0]":   around,
		"$.args[0][1]":      []any{[]float64{1}, &arcuate.Array[int8]{Data: []int8{1}, Layout: arcuate.Layout{Shape: []int{2}}}},
	} {
		_, err := s.Call(ctx, "identity", value)
		e := is(t, err, arcuate.Conversion, arcuate.ExecutedNo)
		if path == "$.args[0].name" {
			path = "$.args[0]"
		}
		if !strings.HasPrefix(e.Path, path) {
			t.Errorf("%T: the path is %s instead of %s", value, e.Path, path)
		}
	}
}

func TestOversized(t *testing.T) {
	ctx := limited(t)
	s, err := arcuate.Dial(ctx, plainHub.address(t)+"/python", arcuate.WithLimits(0, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Set(ctx, "x", make([]float64, 1<<18))
	if e := is(t, err, arcuate.LimitExceeded, arcuate.ExecutedNo); e.Setting != "array" {
		t.Errorf("%+v", e)
	}
	_, err = s.Eval(ctx, "bytes(2_000_000)")
	is(t, err, arcuate.LimitExceeded)
	if found, err := s.Eval(ctx, "1"); err != nil || found != int64(1) {
		t.Errorf("after it: %v, %v", found, err)
	}
}

func TestDeadline(t *testing.T) {
	ctx, s := python(t)
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	err := s.Run(short, "import time\nkept = 5\ntime.sleep(30)")
	is(t, err, arcuate.CallTimeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is no deadline of a context", err)
	}
	<-short.Done() // the hub's clock may be a moment ahead
	_, err = s.Eval(short, "1")
	is(t, err, arcuate.CallTimeout, arcuate.ExecutedNo)
	if found, err := s.Get(ctx, "kept"); err != nil || found != int64(5) {
		t.Errorf("after it: %v, %v", found, err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, s := python(t)
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	out := &trigger{t: t, on: "begun", do: cancel}
	err := s.RunTo(short, "import time\nprint('begun', flush=True)\nwhile True: time.sleep(0.01)", out, nil)
	is(t, err, arcuate.CallCancelled)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is no cancelled context", err)
	}
	if found, err := s.Eval(ctx, "1"); err != nil || found != int64(1) {
		t.Errorf("after it: %v, %v", found, err)
	}
}

func TestLostInTheMiddleOfAnArray(t *testing.T) {
	ctx := limited(t)
	p := newProxy(t, plainHub.address(t))
	s, err := arcuate.Dial(ctx, p.address()+"/python")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	numbers := make([]float64, 2_000_000)
	numbers[1_999_999] = 1.5
	p.after(5_000_000)
	if err := s.Set(ctx, "x", numbers); err != nil {
		t.Fatalf("the connection was cut once, and it was not made again: %v", err)
	}
	if found, err := s.Eval(ctx, "float(x[-1])"); err != nil || found != 1.5 {
		t.Errorf("%v, %v", found, err)
	}
	// A call that ran while the connection was away is not carried out twice.
	out := &trigger{t: t, on: "begun", do: func() { p.cut(false) }}
	if err := s.RunTo(ctx, "n = 0\nprint('begun', flush=True)\nn += 1", out, nil); err != nil {
		t.Fatal(err)
	}
	if found, err := s.Get(ctx, "n"); err != nil || found != int64(1) {
		t.Errorf("%v, %v", found, err)
	}
}

func TestLostForGood(t *testing.T) {
	ctx := limited(t)
	p := newProxy(t, plainHub.address(t))
	s, err := arcuate.Dial(ctx, p.address()+"/python", arcuate.WithReconnect(500*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := &trigger{t: t, on: "begun", do: func() { p.cut(true) }}
	err = s.RunTo(ctx, "import time\nprint('begun', flush=True)\ntime.sleep(2)", out, nil)
	is(t, err, arcuate.ConnectionLost, arcuate.ExecutedMaybe)
	_, err = s.Eval(ctx, "1")
	is(t, err, arcuate.SessionClosed, arcuate.ExecutedNo)
	if !errors.Is(err, arcuate.ConnectionLost) {
		t.Errorf("%v does not say why", err)
	}
}

func TestSubscriptionGoesOnAfterALoss(t *testing.T) {
	ctx := limited(t)
	p := newProxy(t, plainHub.address(t))
	reader, err := arcuate.DialHub(ctx, p.address())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	writer, err := arcuate.DialHub(ctx, plainHub.address(t))
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	subscription, err := reader.Subscribe(ctx, "go/lost", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer subscription.Close()
	publisher := writer.Publisher("go/lost")
	for i := range int64(6) {
		if _, err := publisher.Publish(ctx, i); err != nil {
			t.Fatal(err)
		}
		if i == 3 {
			p.cut(false)
		}
	}
	for i := range int64(6) {
		sample, err := subscription.Next(ctx)
		if err != nil || sample.Value != i || sample.Lost != 0 {
			t.Fatalf("sample %d is %+v, %v", i, sample, err)
		}
	}
}

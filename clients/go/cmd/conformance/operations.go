package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	arcuate "arcuate.invalid/go"
	"arcuate.invalid/go/internal/clock"
)

// features are those of clients/CONFORMANCE.md that this client has.
var features = map[string]bool{
	"environments": true, "describe": true, "call": true, "named": true, "nargout": true, "eval": true, "run": true,
	"live": true, "output": true, "set": true, "get": true, "delete": true, "list": true, "keep": true,
	"callback": true, "publish": true, "subscribe": true, "timeout": true, "cancel": true, "large": true,
	"labelled": true, "decode": true, "measure": true,
}

var operations = map[string]func(p *program, r *request) (fields, error){
	"hello": hello, "decode": decode, "connect": connect, "environments": environments, "describe": describe,
	"call": call, "eval": call, "run": run, "set": set, "get": get, "delete": remove, "list": list,
	"release": release, "cancel": cancel, "publish": publish, "subscribe": subscribe, "measure": measure,
	"close": closing,
}

var errClosed = errors.New("nothing is connected")

func hello(*program, *request) (fields, error) {
	return fields{"client": "go", "version": arcuate.Version, "runtime": runtime.Version(), "protocol": 1}, nil
}

func decode(p *program, r *request) (fields, error) {
	value, err := p.native(r.Value)
	if err != nil {
		return nil, err
	}
	return answered(value, r.Out)
}

func answered(value any, out string) (fields, error) {
	found, err := written(value, out)
	return fields{"value": found}, err
}

func connect(p *program, r *request) (fields, error) {
	p.close()
	ctx, stop := r.context()
	defer stop()
	var options []arcuate.Option
	if r.Token != "" {
		options = append(options, arcuate.WithToken(r.Token))
	}
	if r.CA != "" {
		options = append(options, arcuate.WithCA(r.CA))
	}
	hub := options
	for name, raw := range r.Options {
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, err
		}
		options = append(options, arcuate.WithEnvironmentOption(name, value))
	}
	session, err := arcuate.Dial(ctx, r.URL, options...)
	if err != nil {
		return nil, err
	}
	p.session = session
	where, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	p.dial = func(ctx context.Context) (*arcuate.Hub, error) {
		return arcuate.DialHub(ctx, where.Scheme+"://"+where.Host, hub...)
	}
	info := session.Info()
	return fields{"language": info.Language, "version": info.Version}, nil
}

// open is the connection to the hub for what needs no session.
func (p *program) open(ctx context.Context) (*arcuate.Hub, error) {
	if p.dial == nil {
		return nil, errClosed
	}
	if p.hub == nil {
		hub, err := p.dial(ctx)
		if err != nil {
			return nil, err
		}
		p.hub = hub
	}
	return p.hub, nil
}

func environments(p *program, r *request) (fields, error) {
	ctx, stop := r.context()
	defer stop()
	hub, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	found, err := hub.Environments(ctx)
	names := []string{}
	for _, one := range found {
		names = append(names, one.Name)
	}
	return fields{"environments": names}, err
}

func describe(p *program, r *request) (fields, error) {
	if p.session == nil {
		return nil, errClosed
	}
	ctx, stop := r.context()
	defer stop()
	found, err := p.session.Describe(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	return fields{"signature": found.Signature, "help": found.Doc}, nil
}

// call makes a call or evaluates an expression.
func call(p *program, r *request) (fields, error) {
	if p.session == nil {
		return nil, errClosed
	}
	args, err := p.arguments(r)
	if err != nil {
		return nil, err
	}
	ctx, stop := r.context()
	defer stop()
	var printed strings.Builder
	ask := &arcuate.Request{Name: r.Name, Code: r.Code, Args: args, Keep: r.Keep, Stdout: &printed}
	if r.Nargout != nil {
		if ask.Results = *r.Nargout; ask.Results == 0 {
			ask.Results = arcuate.NoResult
		}
	}
	if r.Target != nil {
		found, known := p.handles[*r.Target]
		if !known {
			return nil, fmt.Errorf("no handle %d", *r.Target)
		}
		ask.Target = found.handle
	}
	values, err := p.session.Do(ctx, ask)
	if err != nil {
		return nil, err
	}
	answer, err := p.results(values, r.Out)
	if err == nil && printed.Len() > 0 {
		answer["output"] = printed.String()
	}
	return answer, err
}

func (p *program) results(values []any, out string) (fields, error) {
	if len(values) == 0 {
		return fields{}, nil
	}
	if handle, found := values[0].(*arcuate.Handle); found && len(values) == 1 {
		p.next++
		p.handles[p.next] = &kept{handle}
		return fields{"handle": p.next, "class": texts(handle.Class()), "summary": handle.Summary()}, nil
	}
	if len(values) == 1 {
		return answered(values[0], out)
	}
	all := []any{}
	for _, value := range values {
		one, err := written(value, "")
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return fields{"values": all}, nil
}

// piecewise notes what is written to it, and when it began.
type piecewise struct {
	mu    sync.Mutex
	text  strings.Builder
	first time.Time
	seen  func(text string)
}

func (w *piecewise) Write(data []byte) (int, error) {
	w.mu.Lock()
	if w.first.IsZero() {
		w.first = time.Now()
	}
	w.text.Write(data)
	text := w.text.String()
	w.mu.Unlock()
	if w.seen != nil {
		w.seen(text)
	}
	return len(data), nil
}

// live is how long before the end of a run its first output must have come to count as live.
const live = 50 * time.Millisecond

func run(p *program, r *request) (fields, error) {
	if p.session == nil {
		return nil, errClosed
	}
	ctx, stop := r.context()
	defer stop()
	var stdout, stderr piecewise
	err := p.session.RunTo(ctx, r.Code, &stdout, &stderr)
	early := !stdout.first.IsZero() && time.Since(stdout.first) > live
	return fields{"output": fields{"stdout": stdout.text.String(), "stderr": stderr.text.String()}, "live": early}, err
}

func set(p *program, r *request) (fields, error) {
	if p.session == nil {
		return nil, errClosed
	}
	value, err := p.native(r.Value)
	if err != nil {
		return nil, err
	}
	ctx, stop := r.context()
	defer stop()
	return nil, p.session.Set(ctx, r.Name, value)
}

func get(p *program, r *request) (fields, error) {
	if p.session == nil {
		return nil, errClosed
	}
	ctx, stop := r.context()
	defer stop()
	value, err := p.session.Get(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	return answered(value, r.Out)
}

func remove(p *program, r *request) (fields, error) {
	if p.session == nil {
		return nil, errClosed
	}
	ctx, stop := r.context()
	defer stop()
	return nil, p.session.Delete(ctx, r.Name)
}

func list(p *program, r *request) (fields, error) {
	if p.session == nil {
		return nil, errClosed
	}
	ctx, stop := r.context()
	defer stop()
	names, err := p.session.List(ctx)
	return fields{"names": texts(names)}, err
}

func release(p *program, r *request) (fields, error) {
	found, known := p.handles[r.Handle]
	if !known {
		return nil, fmt.Errorf("no handle %d", r.Handle)
	}
	delete(p.handles, r.Handle)
	return nil, found.handle.Close()
}

// cancel begins a run, waits until it has printed `begun`, and cancels its context.
func cancel(p *program, r *request) (fields, error) {
	if p.session == nil {
		return nil, errClosed
	}
	ctx, stop := r.context()
	defer stop()
	out := &piecewise{seen: func(text string) {
		if strings.Contains(text, "begun") {
			stop()
		}
	}}
	return fields{}, p.session.RunTo(ctx, r.Code, out, nil)
}

func publish(p *program, r *request) (fields, error) {
	value, err := p.native(r.Value)
	if err != nil {
		return nil, err
	}
	ctx, stop := r.context()
	defer stop()
	hub, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	sequence, err := hub.Publisher(r.Topic).Publish(ctx, value)
	return fields{"sequence": sequence}, err
}

func subscribe(p *program, r *request) (fields, error) {
	ctx, stop := r.context()
	defer stop()
	hub, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	subscription, err := hub.Subscribe(ctx, r.Topic, &arcuate.SubscribeOptions{From: r.From})
	if err != nil {
		return nil, err
	}
	defer subscription.Close()
	samples := []fields{}
	for len(samples) < r.Count {
		sample, err := subscription.Next(ctx)
		if err != nil {
			return nil, err
		}
		value, err := written(sample.Value, "")
		if err != nil {
			return nil, err
		}
		samples = append(samples, fields{"sequence": sample.Sequence, "lost": sample.Lost, "value": value})
	}
	return fields{"samples": samples}, nil
}

func measure(p *program, r *request) (fields, error) {
	if p.session == nil {
		return nil, errClosed
	}
	value, err := p.native(r.Value)
	if err != nil {
		return nil, err
	}
	seconds, own := []float64{}, []float64{}
	for i := range r.Repeat + 1 {
		clock.Start()
		begun := time.Now()
		_, err := p.session.Call(context.Background(), r.Name, value)
		took, part := time.Since(begun), clock.Stop()
		if err != nil {
			return nil, err
		}
		if i > 0 {
			seconds, own = append(seconds, took.Seconds()), append(own, part.Seconds())
		}
	}
	return fields{"seconds": seconds, "own": own}, nil
}

func closing(p *program, _ *request) (fields, error) {
	p.close()
	return nil, nil
}

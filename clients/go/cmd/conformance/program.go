package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	arcuate "arcuate.invalid/go"
)

type fields map[string]any

// request is what the runner asks; each op uses some of the fields.
type request struct {
	ID      int64  `json:"id"`
	Op      string `json:"op"`
	Feature string `json:"feature"`

	URL     string                     `json:"url"`
	Token   string                     `json:"token"`
	CA      string                     `json:"ca"`
	Options map[string]json.RawMessage `json:"options"`
	Timeout float64                    `json:"timeout"`

	Name    string            `json:"name"`
	Target  *int              `json:"target"`
	Args    []json.RawMessage `json:"args"`
	Named   json.RawMessage   `json:"named"`
	Nargout *int              `json:"nargout"`
	Keep    bool              `json:"keep"`
	Code    string            `json:"code"`
	Value   json.RawMessage   `json:"value"`
	Handle  int               `json:"handle"`
	Topic   string            `json:"topic"`
	From    *int64            `json:"from"`
	Count   int               `json:"count"`
	Repeat  int               `json:"repeat"`
	Out     string            `json:"out"`
}

// program is the state between requests.
type program struct {
	session *arcuate.Session
	hub     *arcuate.Hub
	dial    func(ctx context.Context) (*arcuate.Hub, error)
	handles map[int]*kept
	next    int
}

// kept is a handle that the runner knows by a number.
type kept struct{ handle *arcuate.Handle }

// close ends what is open.
func (p *program) close() {
	if p.hub != nil {
		_ = p.hub.Close()
	}
	if p.session != nil {
		_ = p.session.Close()
	}
	p.hub, p.session, p.dial = nil, nil, nil
	p.handles = map[int]*kept{}
}

// failure is an error with where it happened.
type failure struct {
	where string
	err   error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// refused is the answer to an error of the client. It says by errors.Is which code it has: any other error is none that
// the client documents.
func refused(err error) fields {
	where := "call"
	var f *failure
	if errors.As(err, &f) {
		where = f.where
	}
	for _, code := range arcuate.Codes() {
		if !errors.Is(err, code) {
			continue
		}
		var e *arcuate.Error
		if !errors.As(err, &e) {
			break
		}
		return fields{
			"caught": "errors.Is(err, arcuate." + nameOf(code) + ")", "where": where,
			"error": fields{
				"code": string(code), "message": e.Message, "class": texts(e.Class), "stack": texts(e.Stack),
				"executed": string(e.Executed), "path": e.Path, "setting": e.Setting,
			},
		}
	}
	return fields{"crashed": fmt.Sprintf("%T: %v", err, err)}
}

// nameOf is the Go name of a code: RemoteError for REMOTE_ERROR.
func nameOf(code arcuate.Code) string {
	var name strings.Builder
	for word := range strings.SplitSeq(string(code), "_") {
		name.WriteString(word[:1] + strings.ToLower(word[1:]))
	}
	return name.String()
}

func texts(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}

// context bounds a request, if it says so.
func (r *request) context() (context.Context, context.CancelFunc) {
	if r.Timeout <= 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), time.Duration(r.Timeout*float64(time.Second)))
}

// payload is a value in a message.
type payload struct {
	Bytes    *string `json:"bytes"`
	File     *string `json:"file"`
	Handle   *int    `json:"handle"`
	Function *string `json:"function"`
}

// native is the value that a user of Go would hold.
func (p *program) native(raw json.RawMessage) (any, error) {
	var one payload
	if err := json.Unmarshal(raw, &one); err != nil {
		return nil, err
	}
	var data []byte
	var err error
	switch {
	case one.Handle != nil:
		found, known := p.handles[*one.Handle]
		if !known {
			return nil, fmt.Errorf("no handle %d", *one.Handle)
		}
		return found.handle, nil
	case one.Function != nil:
		return function(*one.Function)
	case one.File != nil:
		data, err = os.ReadFile(*one.File)
	case one.Bytes != nil:
		data, err = base64.StdEncoding.DecodeString(*one.Bytes)
	default:
		err = errors.New("a value without bytes")
	}
	if err != nil {
		return nil, err
	}
	value, err := arcuate.Unmarshal(data)
	if err != nil {
		return nil, &failure{"decode", err}
	}
	return value, nil
}

var errNative = errors.New("native failure")

func function(name string) (*arcuate.Function, error) {
	switch name {
	case "identity":
		return arcuate.NewFunction(name, func(_ context.Context, args []any, _ *arcuate.Map) (any, error) {
			if len(args) != 1 {
				return nil, fmt.Errorf("identity takes one argument, not %d", len(args))
			}
			return args[0], nil
		}), nil
	case "fail":
		return arcuate.NewFunction(name, func(context.Context, []any, *arcuate.Map) (any, error) {
			return nil, errNative
		}), nil
	}
	return nil, fmt.Errorf("no function %q", name)
}

// written is a value for the runner.
func written(value any, out string) (any, error) {
	data, err := arcuate.Marshal(value)
	if err != nil {
		return nil, &failure{"encode", err}
	}
	if out != "" {
		return fields{"file": out}, os.WriteFile(out, data, 0o600)
	}
	return fields{"bytes": base64.StdEncoding.EncodeToString(data)}, nil
}

// arguments are the arguments of a call, those by name in their order.
func (p *program) arguments(r *request) ([]any, error) {
	var args []any
	for _, raw := range r.Args {
		value, err := p.native(raw)
		if err != nil {
			return nil, err
		}
		args = append(args, value)
	}
	if len(r.Named) == 0 {
		return args, nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(r.Named)))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return nil, err
		}
		value, err := p.native(raw)
		if err != nil {
			return nil, err
		}
		args = append(args, arcuate.Named(fmt.Sprint(key), value))
	}
	return args, nil
}

package arcuate

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"arcuate.invalid/go/internal/wire"
)

// maxNested is how deep calls and callbacks may nest.
const maxNested = 50

// Function is a Go function that foreign code may call: an argument of a call, or the value of a variable.
type Function struct {
	name string
	call func(ctx context.Context, args []any, named *Map) (any, error)
	id   string // of one that was read without a session
	info *Map
}

// NewFunction makes a function that foreign code may call. While it runs, the call that has it as an argument waits;
// it runs on the goroutine of that call. Calls that it makes itself on the same session need the context that it is
// given: with another they wait for the call to end, which waits for them.
//
// An error becomes an error of the foreign language in the code that called the function. If nothing handles it there,
// the call fails with a RemoteError that wraps it: errors.Is and errors.As find it.
func NewFunction(name string, call func(ctx context.Context, args []any, named *Map) (any, error)) *Function {
	return &Function{name: name, call: call}
}

// Name is the name of the function.
func (f *Function) Name() string { return f.name }

// register gives a function its id in the session.
func (s *Session) register(f *Function) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, found := s.names[f]
	if !found {
		id = "f" + strconv.Itoa(len(s.names)+1)
		s.names[f], s.functions[id] = id, f
	}
	return id
}

// function writes a function.
func (e *encoder) function(key string, f *Function) error {
	id, info := f.id, f.info
	if f.call != nil {
		if e.session == nil {
			return e.fail("a function can only travel in a call")
		}
		id, info = e.session.register(f), &Map{}
		info.Set("name", f.name)
	}
	if id == "" {
		return e.fail("a function without a Go function in it; NewFunction makes one")
	}
	row := e.row(wire.Function, key)
	row.Text = id
	if info == nil {
		return nil
	}
	row.Count = 1
	return e.inside(".info", func() error { return e.flat(func() error { return e.mapping("info", info) }) })
}

// function reads a function: one of ours is the same again.
func (d *decoder) function(row *wire.Node) any {
	f := &Function{id: row.Text}
	if row.Count > 0 {
		f.info = d.mapping()
		f.name = textOf(f.info, "name")
	}
	if d.session != nil {
		d.session.mu.Lock()
		defer d.session.mu.Unlock()
		if own, found := d.session.functions[row.Text]; found {
			return own
		}
	}
	return f
}

// depthKey is under what a context has the depth of callbacks.
type depthKey struct{}

// callback runs a function of ours and sends its answer.
func (s *serving) callback(ctx context.Context, n *wire.Nodes) {
	l := s.link
	fields := fieldsOf(n, s.ask.session, false)
	id := uint64(numberOf(fields, "id"))
	l.mu.Lock()
	s.call.answer = nil // the hub goes on, so it has the answer before
	l.mu.Unlock()
	inner := context.WithValue(ctx, parentKey{}, parent{l, id})
	value, err := s.invoke(inner, fields)
	if ctx.Err() != nil {
		err = stopped(ctx, ExecutedMaybe, "while a callback ran")
	}
	var answer *wire.Nodes
	if err == nil {
		answer, err = s.returned(id, value)
	}
	if err != nil {
		s.failed = err
		answer = raised(id, err)
	}
	l.mu.Lock()
	s.call.answer = answer
	l.mu.Unlock()
	// A context that is over is no reason to keep the answer back: the hub waits for it.
	_ = l.transmit(context.WithoutCancel(ctx), s.call, answer)
}

// invoke calls the function; a panic in it becomes an error.
func (s *serving) invoke(ctx context.Context, fields *Map) (value any, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("panic: %v", caught)
		}
	}()
	depth, _ := ctx.Value(depthKey{}).(int)
	if depth >= maxNested {
		return nil, newError(InvalidArgument, ExecutedNo, "calls and callbacks nest deeper than %d levels", maxNested)
	}
	f := (*Function)(nil)
	if session := s.ask.session; session != nil {
		session.mu.Lock()
		f = session.functions[textOf(fields, "function")]
		session.mu.Unlock()
	}
	if f == nil {
		return nil, newError(NameNotFound, ExecutedNo, "no function %q in this session", textOf(fields, "function"))
	}
	args, named := []any{}, &Map{}
	if found, good := fields.Get("args"); good {
		if list, isList := found.(*List); isList {
			args = list.Items
		} else if items, plain := elements(found); plain {
			args = items
		}
	}
	if found, good := fields.Get("named"); good {
		if m, isMap := found.(*Map); isMap {
			named = m
		}
	}
	return f.call(context.WithValue(ctx, depthKey{}, depth+1), args, named)
}

// returned is the answer with a value.
func (s *serving) returned(id uint64, value any) (*wire.Nodes, error) {
	e := &encoder{nodes: &wire.Nodes{}, session: s.ask.session}
	if e.session != nil {
		e.columnMajor = e.session.columnMajor()
	}
	e.row(wire.Mapping, "").Count = 3
	e.row(wire.Text, "op").Text = "return"
	e.integer("id", DtypeNone, int64(id))
	err := e.inside(".value", func() error { return e.value("value", value) })
	return e.nodes, err
}

// raised is the answer with an error.
func raised(id uint64, err error) *wire.Nodes {
	fields := &Map{}
	fields.Set("code", string(RemoteError))
	class := &List{Items: []any{fmt.Sprintf("%T", err)}}
	for inner := errors.Unwrap(err); inner != nil && len(class.Items) < 10; inner = errors.Unwrap(inner) {
		class.Items = append(class.Items, fmt.Sprintf("%T", inner))
	}
	text := err.Error()
	if text == "" {
		text = fmt.Sprintf("%T", err)
	}
	fields.Set("message", text)
	fields.Set("class", class)
	fields.Set("stack", &List{})
	fields.Set("language", "Go")
	nodes, failed := message("raise", id, fields)
	if failed != nil { // the text of the error is none that can travel
		fields.Set("message", fmt.Sprintf("%+q", text))
		nodes, _ = message("raise", id, fields)
	}
	return nodes
}

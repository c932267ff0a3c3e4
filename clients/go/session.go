package arcuate

import (
	"context"
	"io"
	"sync"
	"time"
)

// Session is an interpreter of one's own behind a hub. It may be used by any number of goroutines: their calls run one
// after the other, in the order in which they arrive.
type Session struct {
	link     *link
	settings *settings

	mu        sync.Mutex
	info      Info
	secret    string
	features  *Map
	released  []string // ids of handles that nobody has any more
	functions map[string]*Function
	names     map[*Function]string
	once      sync.Once
}

// Info is what there is to know of a session.
type Info struct {
	// Environment is the name of the environment, Language and Version what it runs.
	Environment, Language, Version string
	// Session is its id.
	Session string
	// Hub tells one hub from another.
	Hub string
	// Generation is 1 for the first interpreter, one more after each restart.
	Generation int64
	// PID is the interpreter's process id.
	PID int64
	// Window is for how long the hub keeps the session when its connection drops.
	Window time.Duration
}

// Dial opens a session: it connects to a hub and starts an interpreter there. The address is
// grpc://host:port/environment, or grpcs:// for TLS. In a program that code in an interpreter of a hub has started,
// hub:///environment is that hub, with the rights of whoever called the interpreter. The context bounds the dialling
// only; Close ends the session.
func Dial(ctx context.Context, address string, options ...Option) (*Session, error) {
	to, chosen, err := destination(address, options)
	if err != nil {
		return nil, err
	}
	if to.environment == "" {
		return nil, newError(InvalidArgument, ExecutedNo,
			"which environment? Write grpc://%s/r, for example; ListEnvironments says which there are", to.host)
	}
	s := &Session{settings: chosen, functions: map[string]*Function{}, names: map[*Function]string{}}
	if s.link, err = connect(ctx, to, s.settings); err != nil {
		return nil, err
	}
	s.info.Environment = to.environment
	s.link.resume = s.resume
	greeting, err := s.link.exchange(ctx, &ask{op: "open", fields: s.opening})
	if err == nil {
		found, _ := greeting.Get("value")
		m, _ := found.(*Map)
		s.greeted(m)
	}
	if err != nil {
		s.link.close()
		if e, found := err.(*Error); found && e.Code == ConnectionLost {
			e.Executed = ExecutedNo
		}
		return nil, err
	}
	sessions.Store(s.Info().place(), s)
	return s, nil
}

// sessions are the open sessions of this program, by place: an object of one may come back through another.
var sessions sync.Map

func (i Info) place() string { return i.Hub + "/" + i.Session }

// opening writes the fields of the request that opens the session.
func (s *Session) opening(e *encoder) (int, error) {
	options := &Map{}
	for _, one := range s.settings.options {
		options.Set(one.Name, one.Value)
	}
	limits := &Map{}
	limits.Set("message", s.settings.limits.Message)
	limits.Set("array", s.settings.limits.Array)
	limits.Set("depth", s.settings.limits.Depth)
	if err := e.text("environment", s.info.Environment); err != nil {
		return 0, err
	}
	if err := e.mapping("options", options); err != nil {
		return 0, err
	}
	if err := e.mapping("limits", limits); err != nil {
		return 0, err
	}
	e.float("grace", DtypeNone, s.settings.grace.Seconds())
	return 4, nil
}

// greeted takes over a greeting.
func (s *Session) greeted(m *Map) {
	window := time.Duration(0)
	if found, good := m.Get("window"); good {
		seconds, _ := As[float64](found)
		window = time.Duration(seconds * float64(time.Second))
	}
	s.link.mu.Lock()
	if window > 0 {
		s.link.window = min(window, s.settings.window)
	}
	hub := textOf(s.link.hello, "hub")
	s.link.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if secret := textOf(m, "secret"); secret != "" {
		s.secret = secret
	}
	generation := numberOf(m, "generation")
	if generation != s.info.Generation {
		s.released = nil // they were objects of an interpreter that is gone
	}
	s.info = Info{
		Environment: s.info.Environment, Language: textOf(m, "language"), Version: textOf(m, "version"),
		Session: textOf(m, "session"), Hub: hub, Generation: generation, PID: numberOf(m, "pid"), Window: window,
	}
	features, _ := m.Get("features")
	s.features, _ = features.(*Map)
}

// resume takes the session over on a fresh connection.
func (s *Session) resume(ctx context.Context, c *conn) error {
	s.mu.Lock()
	id, secret := s.info.Session, s.secret
	s.mu.Unlock()
	if secret == "" {
		return newError(SessionClosed, ExecutedNo, "the connection was lost before the session was open")
	}
	s.link.mu.Lock()
	s.link.next++
	number, seen := s.link.next, s.link.seen
	s.link.told = seen
	s.link.mu.Unlock()
	fields := &Map{}
	fields.Set("session", id)
	fields.Set("secret", secret)
	fields.Set("seen", seen)
	nodes, err := message("resume", number, fields)
	if err != nil {
		return err
	}
	if err = c.send(ctx, nodes); err != nil {
		return err
	}
	answer, err := s.link.answerTo(c, number)
	if err != nil {
		return err
	}
	greeting, _ := answer.Get("value")
	m, _ := greeting.(*Map)
	s.greeted(m)
	return nil
}

// Info is what there is to know of the session.
func (s *Session) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info
}

func (s *Session) columnMajor() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return textOf(s.features, "order") == "F"
}

// simplify tells whether results of one element are scalars: the language has no others.
func (s *Session) simplify() bool {
	if s.settings.exact {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	vectors, _ := s.features.Get("vectors")
	return vectors == true
}

// Close ends the session and its interpreter, and waits until nothing of it is left here. Calls that are under way end
// with SessionClosed. Closing again does nothing.
func (s *Session) Close() error {
	s.once.Do(func() {
		sessions.Delete(s.Info().place())
		s.link.mu.Lock()
		alive := s.link.conn != nil && len(s.link.calls) == 0
		s.link.mu.Unlock()
		if alive {
			ctx, cancel := context.WithTimeout(context.Background(), s.settings.grace)
			_, _ = s.link.exchange(ctx, &ask{op: "close"})
			cancel()
		} else {
			s.link.sayGoodbye()
		}
		s.link.close()
	})
	return nil
}

// sayGoodbye ends the session without waiting for an answer.
func (l *link) sayGoodbye() {
	l.mu.Lock()
	c := l.conn
	l.next++
	id := l.next
	l.mu.Unlock()
	if c == nil {
		return
	}
	if nodes, err := message("close", id, &Map{}); err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.send(ctx, nodes)
	}
}

// NamedArg is an argument by name.
type NamedArg struct {
	Name  string
	Value any
}

// Named is an argument by name: session.Call(ctx, "quantile", x, arcuate.Named("probs", 0.5)).
func Named(name string, value any) NamedArg { return NamedArg{name, value} }

// Request is a call with everything that one can have.
type Request struct {
	// Name is the function, such as "stats::quantile"; or Target, a handle of one; or Code, an expression to be
	// evaluated. One of the three.
	Name   string
	Target *Handle
	Code   string
	// Args are the arguments; a NamedArg among them goes by its name.
	Args []any
	// Results is how many results are wanted; 0 means one, and NoResult none.
	Results int
	// Keep leaves the result where it is; a *Handle comes back.
	Keep bool
	// Stdout and Stderr take what is printed, instead of the session's; Events is told of everything.
	Stdout, Stderr io.Writer
	Events         func(Event)
}

// NoResult asks for no result.
const NoResult = -1

// Do makes a call and returns its results: as many as were asked for.
func (s *Session) Do(ctx context.Context, r *Request) ([]any, error) {
	ways := 0
	for _, given := range []bool{r.Name != "", r.Target != nil, r.Code != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 || r.Results < NoResult {
		return nil, newError(InvalidArgument, ExecutedNo, "a request needs one of Name, Target and Code, and a number of "+
			"results of at least -1")
	}
	op := "call"
	if r.Code != "" {
		op = "eval"
	}
	found, err := s.request(ctx, op, func(e *encoder) (int, error) { return s.writeRequest(e, r) }, s.settings.output.over(r))
	if err != nil || r.Results == NoResult {
		return nil, err
	}
	if values, many := found.Get("values"); many {
		if list, good := values.(*List); good {
			return list.Items, nil
		}
		return nil, newError(ProtocolError, ExecutedYes, "the results came as a %T", values)
	}
	value, _ := found.Get("value")
	return []any{value}, nil
}

func (s *Session) writeRequest(e *encoder, r *Request) (int, error) {
	count := 1
	var err error
	switch {
	case r.Code != "":
		err = e.text("code", r.Code)
	case r.Target != nil:
		err = e.inside(".target", func() error { return e.handle("target", r.Target) })
	default:
		err = e.text("name", r.Name)
	}
	if err != nil {
		return 0, err
	}
	if r.Results != 0 && r.Results != 1 {
		e.integer("nargout", DtypeNone, int64(max(0, r.Results)))
		count++
	}
	if r.Keep {
		e.boolean("keep", DtypeNone, true)
		count++
	}
	if r.Code != "" {
		return count, nil
	}
	more, err := e.arguments(r.Args)
	return count + more, err
}

// arguments writes args and named.
func (e *encoder) arguments(all []any) (int, error) {
	named := &Map{}
	args := &List{Forced: true}
	for _, one := range all {
		if by, found := one.(NamedArg); found {
			if named.Has(by.Name) {
				return 0, newError(InvalidArgument, ExecutedNo, "the argument %q is given twice", by.Name)
			}
			named.Set(by.Name, by.Value)
			continue
		}
		args.Items = append(args.Items, one)
	}
	if err := e.inside(".args", func() error { return e.flat(func() error { return e.list("args", args) }) }); err != nil {
		return 0, err
	}
	if named.Len() == 0 {
		return 1, nil
	}
	return 2, e.inside(".named", func() error { return e.flat(func() error { return e.mapping("named", named) }) })
}

// flat runs a step whose container is the message's own and counts no level.
func (e *encoder) flat(run func() error) error {
	e.depth--
	defer func() { e.depth++ }()
	return run()
}

// request makes a request of the session; whatever is to be released goes before it.
func (s *Session) request(
	ctx context.Context, op string, fields func(e *encoder) (int, error), out output,
) (*Map, error) {
	if err := s.flush(ctx); err != nil {
		return nil, err
	}
	return s.link.exchange(ctx, &ask{op: op, fields: fields, session: s, output: out, simplify: s.simplify()})
}

// value makes a request and returns its one value.
func (s *Session) value(ctx context.Context, op string, fields func(e *encoder) (int, error)) (any, error) {
	found, err := s.request(ctx, op, fields, s.settings.output)
	value, _ := found.Get("value")
	return value, err
}

// Call calls a function with arguments and returns its result. A [NamedArg] among the arguments goes by its name.
// Use the function [Call] for a result of a certain type, and [Session.Do] for several results.
//
// A deadline of the context is the deadline of the call there; cancelling the context interrupts it. The session can
// be used afterwards in both cases.
func (s *Session) Call(ctx context.Context, name string, args ...any) (any, error) {
	return single(s.Do(ctx, &Request{Name: name, Args: args}))
}

func single(values []any, err error) (any, error) {
	if err != nil || len(values) == 0 {
		return nil, err
	}
	return values[0], nil
}

// Call calls a function and returns its result as a type of Go's, see [As].
//
//	mean, err := arcuate.Call[float64](ctx, session, "mean", []float64{1, 2, 3})
func Call[T any](ctx context.Context, s *Session, name string, args ...any) (T, error) {
	value, err := s.Call(ctx, name, args...)
	if err != nil {
		var none T
		return none, err
	}
	return As[T](value)
}

// Keep calls a function whose result stays there, and returns a handle of it.
func (s *Session) Keep(ctx context.Context, name string, args ...any) (*Handle, error) {
	return kept(single(s.Do(ctx, &Request{Name: name, Args: args, Keep: true})))
}

func kept(value any, err error) (*Handle, error) {
	if err != nil {
		return nil, err
	}
	handle, found := value.(*Handle)
	if !found {
		return nil, newError(ProtocolError, ExecutedYes, "a handle was asked for, a %T came", value)
	}
	return handle, nil
}

// Eval returns the value of an expression.
func (s *Session) Eval(ctx context.Context, code string) (any, error) {
	return single(s.Do(ctx, &Request{Code: code}))
}

// Run runs statements. What they print goes to the writers of WithOutput while they run.
func (s *Session) Run(ctx context.Context, code string) error {
	return s.RunTo(ctx, code, nil, nil)
}

// RunTo runs statements; what they print goes to these writers while they run, or to the session's where one is nil.
func (s *Session) RunTo(ctx context.Context, code string, stdout, stderr io.Writer) error {
	out := s.settings.output.over(&Request{Stdout: stdout, Stderr: stderr})
	_, err := s.request(ctx, "run", func(e *encoder) (int, error) { return 1, e.text("code", code) }, out)
	return err
}

// Get returns the value of a variable.
func (s *Session) Get(ctx context.Context, name string) (any, error) {
	return s.value(ctx, "get", func(e *encoder) (int, error) { return 1, e.text("name", name) })
}

// Set gives a variable a value.
func (s *Session) Set(ctx context.Context, name string, value any) error {
	_, err := s.value(ctx, "set", func(e *encoder) (int, error) {
		if err := e.text("name", name); err != nil {
			return 0, err
		}
		return 2, e.inside(".value", func() error { return e.value("value", value) })
	})
	return err
}

// Delete removes a variable.
func (s *Session) Delete(ctx context.Context, name string) error {
	_, err := s.value(ctx, "delete", func(e *encoder) (int, error) { return 1, e.text("name", name) })
	return err
}

// Exists tells whether there is a variable of that name.
func (s *Session) Exists(ctx context.Context, name string) (bool, error) {
	found, err := s.value(ctx, "exists", func(e *encoder) (int, error) { return 1, e.text("name", name) })
	return found == true, err
}

// List returns the names of the variables.
func (s *Session) List(ctx context.Context) ([]string, error) {
	found, err := s.value(ctx, "list", nil)
	if err != nil {
		return nil, err
	}
	return As[[]string](found)
}

// Restart replaces the interpreter by a fresh one. Handles of the one before are stale.
func (s *Session) Restart(ctx context.Context) error {
	found, err := s.link.exchange(ctx, &ask{op: "restart"})
	if err != nil {
		return err
	}
	value, _ := found.Get("value")
	m, _ := value.(*Map)
	s.greeted(m)
	return nil
}

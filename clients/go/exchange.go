package arcuate

import (
	"context"
	"fmt"
	"time"

	"arcuate.invalid/go/internal/clock"
	"arcuate.invalid/go/internal/wire"
)

// ask is a request to be made.
type ask struct {
	op string
	// fields writes the request's own fields and says how many there are; nil: none.
	fields func(e *encoder) (int, error)
	// session makes handles and functions of the values; nil: it is none of a session.
	session *Session
	output  output
	// simplify has results of one element come back as scalars.
	simplify bool
}

// parentKey is under what a context of a callback has the callback's id.
type parentKey struct{}

type parent struct {
	link *link
	id   uint64
}

// message is a message of plain fields.
func message(op string, id uint64, fields *Map) (*wire.Nodes, error) {
	e := &encoder{nodes: &wire.Nodes{}}
	e.row(wire.Mapping, "").Count = uint32(2 + fields.Len())
	e.row(wire.Text, "op").Text = op
	e.integer("id", DtypeNone, int64(id))
	for key, value := range fields.All() {
		if err := e.value(key, value); err != nil {
			return nil, err
		}
	}
	return e.nodes, nil
}

func cancelMessage(id uint64) *wire.Nodes {
	return &wire.Nodes{Rows: []wire.Node{
		{Kind: wire.Mapping, Count: 3}, {Kind: wire.Text, Key: "op", Text: "cancel"}, {Kind: wire.Int, Key: "id"},
		{Kind: wire.Int, Key: "call", Value: id},
	}}
}

func fieldsOf(n *wire.Nodes, s *Session, simplify bool) *Map {
	defer clock.Own()()
	d := &decoder{nodes: n, session: s, simplify: simplify}
	fields, _ := d.value().(*Map)
	return fields
}

// build is the message of a request.
func (l *link) build(ctx context.Context, a *ask, one *call) error {
	defer clock.Own()()
	e := &encoder{nodes: &wire.Nodes{Rows: make([]wire.Node, 0, 12)}, session: a.session}
	if a.session != nil {
		e.columnMajor = a.session.columnMajor()
	}
	e.row(wire.Mapping, "")
	e.row(wire.Text, "op").Text = a.op
	e.row(wire.Int, "id")
	count := 2
	if deadline, found := ctx.Deadline(); found {
		e.integer("deadline", DtypeNone, max(1, time.Until(deadline).Milliseconds()))
		count++
	}
	l.mu.Lock()
	seen := l.seen
	l.mu.Unlock()
	if above, found := ctx.Value(parentKey{}).(parent); found && above.link == l {
		e.integer("parent", DtypeNone, int64(above.id))
		count++
	} else if seen > 0 {
		e.integer("seen", DtypeNone, int64(seen))
		count++
	}
	if a.fields != nil {
		own, err := a.fields(e)
		if err != nil {
			return err
		}
		count += own
	}
	e.nodes.Rows[0].Count = uint32(count)
	one.nodes = e.nodes
	return l.checkSize(e.nodes)
}

// checkSize fails before anything is sent where the hub would not take it.
func (l *link) checkSize(n *wire.Nodes) error {
	l.mu.Lock()
	limits, kinds := l.limits, l.kinds
	l.mu.Unlock()
	inline := uint64(0)
	for _, one := range n.Buffers {
		size := uint64(len(one))
		if limits.array > 0 && size > limits.array {
			err := newError(LimitExceeded, ExecutedNo, "an array of %d bytes exceeds the hub's limit of %d; its operator can "+
				"raise the setting \"array\", or send the array in parts", size, limits.array)
			err.Setting = "array"
			return err
		}
		if size < wire.Large {
			inline += size
		}
	}
	for i := range n.Rows {
		inline += 24 + uint64(len(n.Rows[i].Key)+len(n.Rows[i].Text))
		if kind := n.Rows[i].Kind; kinds != 0 && kinds&(1<<kind) == 0 {
			err := newError(Unsupported, ExecutedNo, "the hub does not know the kind %s", wire.KindNames[kind])
			err.Path = wire.Path(n.Rows, i)
			return err
		}
	}
	if limits.message > 0 && inline > limits.message {
		err := newError(LimitExceeded, ExecutedNo, "a message of %d bytes exceeds the hub's limit of %d; its operator can "+
			"raise the setting \"message\", or send the data in parts", inline, limits.message)
		err.Setting = "message"
		return err
	}
	return nil
}

// begin registers a request and sends it.
func (l *link) begin(ctx context.Context, a *ask) (*call, error) {
	if ctx.Err() != nil {
		return nil, stopped(ctx, ExecutedNo, "before it began")
	}
	one := &call{signal: make(chan struct{}, 1)}
	if err := l.build(ctx, a, one); err != nil {
		return nil, err
	}
	if err := l.register(one); err != nil {
		return nil, err
	}
	if err := l.transmit(ctx, one, one.nodes); err != nil {
		l.forget(one)
		return nil, err
	}
	return one, nil
}

// register gives a request its id.
func (l *link) register(one *call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return newError(SessionClosed, ExecutedNo, "this session is closed; open another with Dial")
	case l.gone != nil:
		return lostFor(l.gone)
	}
	l.next++
	one.id = l.next
	one.nodes.Rows[2].Value = one.id
	l.calls[one.id] = one
	if len(l.owed) > 0 {
		one.before = l.owed[len(l.owed)-1].id
	}
	return nil
}

func (l *link) forget(one *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.calls, one.id)
}

// transmit sends a request, or an answer to a callback of it. Where the connection is lost meanwhile, making it again
// sends it too.
func (l *link) transmit(ctx context.Context, one *call, nodes *wire.Nodes) error {
	c, err := l.connected(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	carried := one.sentOn == c && nodes == one.nodes
	one.sentOn = c
	l.mu.Unlock()
	if carried {
		return nil
	}
	if err = c.send(ctx, nodes); err == nil || isCode(err, ConnectionLost) {
		return nil
	}
	return err
}

// exchange makes a request and waits for its reply.
func (l *link) exchange(ctx context.Context, a *ask) (*Map, error) {
	one, err := l.begin(ctx, a)
	if err != nil {
		return nil, err
	}
	defer l.forget(one)
	s := &serving{link: l, ask: a, call: one}
	return s.wait(ctx)
}

// serving waits for the reply to a call and serves what comes before.
type serving struct {
	link    *link
	ask     *ask
	call    *call
	failed  error // the last error of a callback
	written error // of a writer that takes output
}

func (s *serving) wait(ctx context.Context) (*Map, error) {
	done := ctx.Done()
	var patience <-chan time.Time
	for {
		if next, found := s.call.take(); found {
			fields, over, err := s.handle(ctx, next)
			if over {
				return fields, err
			}
			continue
		}
		select {
		case <-s.call.signal:
		case <-done:
			// The hub keeps time too, and answers: only then is it known what became of the call.
			done = nil
			timer := time.NewTimer(s.link.settings.grace + slack)
			defer timer.Stop()
			patience = timer.C
			if !s.cancel(ctx) {
				return nil, stopped(ctx, ExecutedMaybe, "while the connection was lost")
			}
		case <-patience:
			s.stop() // the hub may have begun to count later, if the connection was away
			return nil, stopped(ctx, ExecutedMaybe, "and the hub did not answer when asked to stop it; what became of it is "+
				"not known")
		}
	}
}

// cancel asks the hub to stop the call; false where there is no connection.
func (s *serving) cancel(ctx context.Context) bool {
	l := s.link
	l.mu.Lock()
	c := l.conn
	if c == nil {
		l.orphans = append(l.orphans, s.call.id)
	}
	l.mu.Unlock()
	if c == nil {
		return false
	}
	if ctx.Err() != context.DeadlineExceeded { // it was told the deadline, and sees to it by itself
		s.stop()
	}
	return true
}

// stop tells the hub to stop the call.
func (s *serving) stop() {
	l := s.link
	l.mu.Lock()
	c := l.conn
	l.mu.Unlock()
	if c != nil {
		limited, stop := context.WithTimeout(l.life, l.settings.grace)
		defer stop()
		_ = c.send(limited, cancelMessage(s.call.id))
	}
}

// handle takes a message; it says whether the call is over.
func (s *serving) handle(ctx context.Context, next incoming) (*Map, bool, error) {
	defer s.link.consumed(next.nodes)
	switch next.op {
	case "gone", "refused":
		return nil, true, next.err
	case "reply":
		s.link.settle(s.call)
		return fieldsOf(next.nodes, s.ask.session, s.ask.simplify), true, s.written
	case "error":
		s.link.settle(s.call)
		err := errorFrom(fieldsOf(next.nodes, s.ask.session, false))
		return nil, true, s.judged(ctx, err)
	case "event":
		fields := fieldsOf(next.nodes, s.ask.session, false)
		if textOf(fields, "type") == "restarted" && s.ask.session != nil {
			s.ask.session.greeted(fields)
		} else if err := s.ask.output.deliver(fields); err != nil {
			s.written = fmt.Errorf("arcuate: output of a call could not be written: %w", err)
		}
	case "callback":
		s.callback(ctx, next.nodes)
	}
	return nil, false, nil
}

// judged is the error of a call: where a callback of ours began it, errors.Is finds that one too.
func (s *serving) judged(ctx context.Context, err *Error) error {
	if s.failed != nil && err.Code == RemoteError {
		err.cause = s.failed
	}
	if ctx.Err() != nil && (err.Code == CallTimeout || err.Code == CallCancelled) {
		err.Code = stopped(ctx, err.Executed, "").Code // which of the two the hub says depends on who was first
	}
	return err
}

// settle is told that the hub has answered a call: what went before it has arrived.
func (l *link) settle(one *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.owed) > 0 && l.owed[0].id <= one.before {
		l.owed = l.owed[1:]
	}
}

// consumed counts a message that was handled, and tells the hub now and then.
func (l *link) consumed(n *wire.Nodes) {
	if n == nil {
		return
	}
	bytes := 0
	for _, one := range n.Buffers {
		bytes += len(one)
	}
	l.mu.Lock()
	l.taken++
	c, seen := l.conn, l.seen
	due := c != nil && seen > l.told && (l.taken >= ackEvery || bytes >= ackBytes)
	if due {
		l.told, l.taken = seen, 0
	}
	l.mu.Unlock()
	if due {
		fields := &Map{}
		fields.Set("seen", seen)
		if nodes, err := message("ack", 0, fields); err == nil {
			limited, stop := context.WithTimeout(l.life, l.settings.grace)
			defer stop()
			_ = c.send(limited, nodes)
		}
	}
}

package arcuate

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"arcuate.invalid/go/internal/wire"
)

const (
	// ackEvery is after how many messages the hub is told that they have arrived: it holds back output that nobody reads.
	ackEvery = 256
	// ackBytes is how much data a reply has that is acknowledged at once, so that the hub can forget it.
	ackBytes = 1 << 16
	// slack is how long beyond the grace the hub's answer to a cancel is waited for.
	slack = 5 * time.Second
)

// link is a connection to a hub that is made again when it is lost. Calls of any number of goroutines are under way on
// it at the same time: a goroutine of its own reads, and hands each message to the call that it belongs to.
type link struct {
	to       address
	settings *settings
	life     context.Context // ends with the link
	end      context.CancelFunc
	work     sync.WaitGroup // the goroutines of the link

	// resume takes over what was left on a lost connection, on a fresh one; nil where nothing has to be.
	resume func(ctx context.Context, c *conn) error

	mu     sync.Mutex
	conn   *conn         // nil while there is none
	up     chan struct{} // closed when there is a connection, or none will ever be
	gone   error         // why there will be none
	closed bool
	calls  map[uint64]*call
	next   uint64
	hello  *Map // what the hub said of itself
	limits struct{ message, array uint64 }
	kinds  uint32 // bits of the kinds that the hub knows
	window time.Duration

	seen, told, taken uint64   // numbers of messages: the last that came, that the hub was told of, that were handled
	owed              []owed   // releases that the hub may not have
	orphans           []uint64 // calls that were given up while there was no connection
}

// owed is a release that is sent again after a lost connection.
type owed struct {
	id    uint64
	nodes *wire.Nodes
}

// call is a request that is under way.
type call struct {
	id      uint64
	nodes   *wire.Nodes
	answer  *wire.Nodes // the last answer to a callback of it
	rewrite func() *wire.Nodes
	sentOn  *conn
	before  uint64 // releases up to this one went before it

	mu     sync.Mutex
	queue  []incoming
	signal chan struct{}
}

// incoming is a message for a call, or the end of its connection.
type incoming struct {
	op    string
	nodes *wire.Nodes
	err   error
}

func (c *call) put(one incoming) {
	c.mu.Lock()
	c.queue = append(c.queue, one)
	c.mu.Unlock()
	select {
	case c.signal <- struct{}{}:
	default:
	}
}

func (c *call) take() (incoming, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return incoming{}, false
	}
	one := c.queue[0]
	c.queue[0] = incoming{}
	c.queue = c.queue[1:]
	return one, true
}

// connect makes the first connection.
func connect(ctx context.Context, to address, s *settings) (*link, error) {
	l := &link{to: to, settings: s, calls: map[uint64]*call{}, up: make(chan struct{}), window: s.window}
	l.life, l.end = context.WithCancel(context.Background())
	c, err := l.greet(ctx)
	if err != nil {
		l.end()
		if e, found := err.(*Error); found && e.Code == ConnectionLost {
			e.Executed = ExecutedNo // there was no call yet
		}
		return nil, err
	}
	l.conn = c
	close(l.up)
	l.work.Add(1)
	go l.read(c)
	return l, nil
}

// greet makes a connection and says hello on it.
func (l *link) greet(ctx context.Context) (*conn, error) {
	c, err := open(ctx, l.to, l.settings)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, c.cancel)
	defer stop()
	fields := l.helloFields()
	nodes, err := message("hello", 0, fields)
	if err == nil {
		err = c.send(ctx, nodes)
	}
	var answer *wire.Nodes
	if err == nil || isCode(err, ConnectionLost) { // the reason for a broken stream is what it is read with
		answer, _, err = c.receive()
	}
	if err == nil && answer == nil {
		err = newError(LimitExceeded, ExecutedNo, "the hub's greeting is larger than this side accepts")
	}
	if err == nil {
		err = l.greeted(answer)
	}
	if err != nil {
		c.close()
		if ctx.Err() != nil && isCode(err, ConnectionLost) {
			return nil, stopped(ctx, ExecutedNo, "while it connected to "+c.where)
		}
		return nil, err
	}
	return c, nil
}

func (l *link) helloFields() *Map {
	limits := &Map{}
	limits.Set("message", l.settings.limits.Message)
	limits.Set("array", l.settings.limits.Array)
	limits.Set("nodes", l.settings.limits.Nodes)
	limits.Set("text", l.settings.limits.Text)
	limits.Set("depth", l.settings.limits.Depth)
	fields := &Map{}
	fields.Set("major", wire.Major)
	fields.Set("minor", wire.Minor)
	kinds := &List{}
	for _, name := range wire.KindNames {
		kinds.Items = append(kinds.Items, name)
	}
	fields.Set("kinds", kinds)
	fields.Set("features", &List{})
	fields.Set("limits", limits)
	fields.Set("agent", "arcuate-go")
	if l.settings.token != "" {
		fields.Set("token", l.settings.token)
	}
	return fields
}

// greeted takes over what the hub says of itself.
func (l *link) greeted(answer *wire.Nodes) error {
	fields := fieldsOf(answer, nil, false)
	switch op := textOf(fields, "op"); {
	case op == "error":
		return errorFrom(fields)
	case op != "hello" || numberOf(fields, "major") != wire.Major:
		return newError(ProtocolError, ExecutedNo, "the hub speaks protocol %d.%d, this side %d.%d; install matching "+
			"versions of Arcuate", numberOf(fields, "major"), numberOf(fields, "minor"), wire.Major, wire.Minor)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hello = fields
	if limits, found := fields.Get("limits"); found {
		if m, good := limits.(*Map); good {
			l.limits.message, l.limits.array = uint64(numberOf(m, "message")), uint64(numberOf(m, "array"))
		}
	}
	l.kinds = 0
	for _, name := range textsOf(fields, "kinds") {
		if kind := slices.Index(wire.KindNames, name); kind >= 0 {
			l.kinds |= 1 << kind
		}
	}
	return nil
}

func isCode(err error, code Code) bool {
	e, found := err.(*Error)
	return found && e.Code == code
}

// read takes what arrives on a connection, until it ends.
func (l *link) read(c *conn) {
	defer l.work.Done()
	for {
		nodes, refused, err := c.receive()
		switch {
		case err != nil:
			c.close()
			l.lost(c, err)
			return
		case refused != nil:
			l.mu.Lock()
			one := l.calls[refused.id]
			l.mu.Unlock()
			if one != nil {
				one.put(incoming{op: "refused", err: refused.err})
			}
		default:
			l.dispatch(nodes)
		}
	}
}

// dispatch hands a message to the call that it belongs to.
func (l *link) dispatch(n *wire.Nodes) {
	rows := n.Rows
	if rows[0].Kind != wire.Mapping || len(rows) < 3 || rows[1].Key != "op" || rows[2].Key != "id" {
		return // of a newer minor version
	}
	op, id := rows[1].Text, rows[2].Value
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := &rows[len(rows)-1]; last.Key == "seq" && last.Kind == wire.Int && len(rows) > 3 &&
		wire.LastOfRoot(rows) { // a value at the end of a message without a number may have such a key, too
		if last.Value <= l.seen {
			return // it came before, on the connection that was lost
		}
		l.seen = last.Value
		rows[0].Count--
		n.Rows = rows[:len(rows)-1]
	}
	if op == "callback" {
		for _, row := range n.Rows[3:] {
			if row.Key == "call" && row.Kind == wire.Int {
				id = row.Value
				break
			}
		}
	}
	if id == 0 && op == "error" {
		err := errorFrom(fieldsOf(n, nil, false))
		if l.conn != nil && err.Code == ConnectionLost {
			l.conn.cancel()
			return
		}
		l.fail(err)
		return
	}
	if one := l.calls[id]; one != nil {
		one.put(incoming{op: op, nodes: n})
	}
}

// fail ends the link for good: l.mu is held.
func (l *link) fail(err error) {
	if l.gone != nil {
		return
	}
	l.gone = err
	for _, one := range l.calls {
		one.put(incoming{op: "gone", err: err})
	}
	if l.conn != nil {
		l.conn.cancel()
		l.conn = nil
	} else {
		close(l.up)
	}
}

// lost is told of the end of a connection.
func (l *link) lost(c *conn, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != c || l.closed {
		return
	}
	if !isCode(err, ConnectionLost) || l.settings.noResume {
		l.fail(err)
		return
	}
	l.conn, l.up = nil, make(chan struct{})
	l.work.Add(1)
	go l.recover(err)
}

// connected waits for a connection.
func (l *link) connected(ctx context.Context) (*conn, error) {
	for {
		l.mu.Lock()
		c, up, gone, closed := l.conn, l.up, l.gone, l.closed
		l.mu.Unlock()
		switch {
		case closed:
			return nil, newError(SessionClosed, ExecutedNo, "this session is closed; open another with Dial")
		case gone != nil:
			return nil, lostFor(gone)
		case c != nil:
			return c, nil
		}
		select {
		case <-up:
		case <-ctx.Done():
			return nil, stopped(ctx, ExecutedMaybe, "while the connection was lost")
		}
	}
}

// lostFor is the error of a call that comes after the link has ended.
func lostFor(gone error) error {
	err := newError(SessionClosed, ExecutedNo, "this session is lost: %v; open another with Dial", gone)
	err.cause = gone
	return err
}

// close ends the link, and waits until its goroutines have ended.
func (l *link) close() {
	l.mu.Lock()
	already := l.closed
	l.closed = true
	c := l.conn
	l.conn = nil
	if !already {
		over := newError(SessionClosed, ExecutedMaybe, "the session was closed while a call was under way")
		for _, one := range l.calls {
			one.put(incoming{op: "gone", err: over})
		}
		select {
		case <-l.up:
		default:
			close(l.up)
		}
	}
	l.mu.Unlock()
	l.end()
	if c != nil {
		c.close()
	}
	l.work.Wait()
}

// waiting are the calls that are under way, in the order in which they began: l.mu is held.
func (l *link) waiting() []*call {
	found := make([]*call, 0, len(l.calls))
	for _, id := range slices.Sorted(maps.Keys(l.calls)) {
		found = append(found, l.calls[id])
	}
	return found
}

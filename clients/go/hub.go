package arcuate

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"arcuate.invalid/go/internal/wire"
)

// Hub is a connection to a hub without an interpreter: for streams, and to ask which environments there are.
type Hub struct {
	link *link
	once sync.Once
}

// DialHub connects to a hub: grpc://host:port, or grpcs:// for TLS. In a program that code in an interpreter of a hub
// has started, hub:// is that hub.
func DialHub(ctx context.Context, address string, options ...Option) (*Hub, error) {
	to, s, err := destination(address, options)
	if err != nil {
		return nil, err
	}
	l, err := connect(ctx, to, s)
	if err != nil {
		return nil, err
	}
	return &Hub{link: l}, nil
}

// Close ends the connection, with everything that goes over it.
func (h *Hub) Close() error {
	h.once.Do(h.link.close)
	return nil
}

// Topic is a topic of a hub.
type Topic struct {
	Name string
	// Next is the sequence number of the next sample, Oldest that of the oldest that is kept.
	Next, Oldest int64
	// Subscribers is how many there are.
	Subscribers int64
}

// Topics returns the topics that we may use.
func (h *Hub) Topics(ctx context.Context) ([]Topic, error) {
	answer, err := h.link.exchange(ctx, &ask{op: "topics"})
	if err != nil {
		return nil, err
	}
	found := []Topic{}
	for _, one := range mapsOf(answer, "value") {
		found = append(found, Topic{
			textOf(one, "topic"), numberOf(one, "next"), numberOf(one, "oldest"), numberOf(one, "subscribers"),
		})
	}
	return found, nil
}

// Publisher publishes samples in a topic. It may be used by several goroutines.
type Publisher struct {
	hub   *Hub
	topic string
	name  string

	turn  chan struct{} // held by who publishes: samples are numbered in their order
	count int64
}

// Publisher opens a topic for samples.
func (h *Hub) Publisher(topic string) *Publisher {
	return &Publisher{hub: h, topic: topic, name: rand.Text(), turn: make(chan struct{}, 1)}
}

// Publish publishes a sample and waits until the hub has it: for as long as the context lasts, where slow subscribers
// hold it back. It returns the sample's number in the topic. A lost connection is made again, and the sample is not
// published twice.
func (p *Publisher) Publish(ctx context.Context, sample any) (int64, error) {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return 0, stopped(ctx, ExecutedNo, "while it waited for another sample of "+p.topic)
	}
	defer func() { <-p.turn }()
	p.count++
	answer, err := p.hub.link.exchange(ctx, &ask{op: "publish", fields: func(e *encoder) (int, error) {
		if err := e.text("topic", p.topic); err != nil {
			return 0, err
		}
		if err := e.text("publisher", p.name); err != nil {
			return 0, err
		}
		e.integer("number", DtypeNone, p.count)
		return 4, e.inside(".value", func() error { return e.value("value", sample) })
	}})
	if err != nil {
		return 0, err
	}
	return numberOf(answer, "value"), nil
}

// Policy is what the hub does when a subscriber does not keep up.
type Policy string

// The policies.
const (
	// Drop loses the oldest sample that waits; Lost of the next one says so.
	Drop Policy = "drop"
	// Block holds the publishers back.
	Block Policy = "block"
	// Disconnect ends the subscription.
	Disconnect Policy = "disconnect"
)

// SubscribeOptions say which samples are wanted.
type SubscribeOptions struct {
	// From is the first number that is wanted: 0 the oldest that is kept; nil: from now on.
	From *int64
	// Policy is what happens when we do not keep up; Drop by default.
	Policy Policy
	// Buffer is how many samples may wait in the hub for us; 100 by default.
	Buffer int
}

// Sample is a sample of a topic.
type Sample struct {
	Topic string
	// Sequence is its number, one more than the one before.
	Sequence int64
	// Lost is how many samples before this one were not delivered.
	Lost int64
	// Epoch is the life of the topic that the number belongs to: the hub's restart begins another.
	Epoch int64
	// Time is when it was published, by the hub's clock.
	Time time.Time
	// Value is the content.
	Value any
}

// Subscription reads a topic. One goroutine reads at a time.
type Subscription struct {
	hub     *Hub
	topic   string
	options SubscribeOptions
	call    *call

	mu    sync.Mutex
	from  *int64 // the first number wanted by the next connection
	next  int64  // the number that follows the last that was read
	epoch int64
	fresh bool // nothing was read in this epoch
	taken int64
	over  error
}

// Subscribe begins to read a topic; nil options are the defaults.
func (h *Hub) Subscribe(ctx context.Context, topic string, options *SubscribeOptions) (*Subscription, error) {
	s := &Subscription{hub: h, topic: topic, fresh: true}
	if options != nil {
		s.options = *options
	}
	if s.options.Policy == "" {
		s.options.Policy = Drop
	}
	if s.options.Buffer <= 0 {
		s.options.Buffer = 100
	}
	s.from = s.options.From
	nodes, err := s.request(0)
	if err != nil {
		return nil, err
	}
	s.call = &call{signal: make(chan struct{}, 1), nodes: nodes}
	s.call.rewrite = s.again
	if err = h.link.register(s.call); err != nil {
		return nil, err
	}
	if err = h.link.transmit(ctx, s.call, s.call.nodes); err == nil {
		err = s.begun(ctx)
	}
	if err != nil {
		h.link.forget(s.call)
		return nil, err
	}
	return s, nil
}

// request is the message that subscribes.
func (s *Subscription) request(id uint64) (*wire.Nodes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fields := &Map{}
	fields.Set("topic", s.topic)
	fields.Set("policy", string(s.options.Policy))
	fields.Set("buffer", s.options.Buffer)
	fields.Set("credit", s.options.Buffer)
	if s.from != nil {
		fields.Set("from", *s.from)
		if s.epoch != 0 {
			fields.Set("epoch", s.epoch)
		}
	}
	s.taken = 0
	return message("subscribe", id, fields)
}

// again is the message for a new connection: it goes on after the last sample that came. The link is locked.
func (s *Subscription) again() *wire.Nodes {
	nodes, err := s.request(s.call.id)
	if err != nil {
		return s.call.nodes
	}
	return nodes
}

// begun waits for the answer to the subscription.
func (s *Subscription) begun(ctx context.Context) error {
	for {
		if one, found := s.call.take(); found {
			sample, err := s.handle(one)
			if err != nil {
				return err
			}
			if sample == nil {
				return nil
			}
			continue
		}
		select {
		case <-s.call.signal:
		case <-ctx.Done():
			return stopped(ctx, ExecutedMaybe, "before the hub answered")
		}
	}
}

// Next waits for the next sample. When the context is over it returns its error, and the subscription goes on.
func (s *Subscription) Next(ctx context.Context) (*Sample, error) {
	s.mu.Lock()
	over := s.over
	s.mu.Unlock()
	if over != nil {
		return nil, over
	}
	for {
		if one, found := s.call.take(); found {
			if sample, err := s.handle(one); err != nil || sample != nil {
				return sample, err
			}
			continue
		}
		select {
		case <-s.call.signal:
		case <-ctx.Done():
			return nil, stopped(ctx, ExecutedNo, "while it waited for a sample of "+s.topic)
		}
	}
}

// handle takes a message of the subscription; nil for one that is no sample.
func (s *Subscription) handle(one incoming) (*Sample, error) {
	switch one.op {
	case "gone":
		s.finish(one.err)
		return nil, one.err
	case "refused": // it was sent for a credit; the next sample counts it as lost
		s.mu.Lock()
		count := s.due()
		s.mu.Unlock()
		s.credit(count)
		return nil, one.err
	case "error":
		err := errorFrom(fieldsOf(one.nodes, nil, false))
		s.finish(err)
		return nil, err
	}
	fields := fieldsOf(one.nodes, nil, false)
	sample, count := s.understood(one.op, fields)
	s.credit(count)
	return sample, nil
}

// credit lets the hub send so many more samples.
func (s *Subscription) credit(count int64) {
	if count == 0 {
		return
	}
	more := &Map{}
	more.Set("subscription", s.call.id)
	more.Set("count", count)
	s.post("credit", more)
}

// due counts one more sample that has come, and says how many the hub may send for them now: s.mu is held.
func (s *Subscription) due() int64 {
	s.taken++
	if 2*s.taken < int64(s.options.Buffer) {
		return 0
	}
	count := s.taken
	s.taken = 0
	return count
}

// understood takes over what a message says, and counts the samples that the hub may send for it.
func (s *Subscription) understood(op string, fields *Map) (*Sample, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op == "reply" {
		value, _ := fields.Get("value")
		m, _ := value.(*Map)
		if epoch := numberOf(m, "epoch"); epoch != s.epoch {
			s.epoch, s.fresh = epoch, true
		}
		if s.from == nil { // a connection that is lost before the first sample must miss nothing
			first := numberOf(m, "next")
			s.from, s.next = &first, first
		}
		return nil, 0
	}
	if op != "sample" {
		return nil, 0
	}
	return s.sample(fields), s.due()
}

// sample reads a sample: s.mu is held.
func (s *Subscription) sample(fields *Map) *Sample {
	sequence := numberOf(fields, "sequence")
	seconds, _ := fields.Get("time")
	when, _ := As[float64](seconds)
	sample := &Sample{
		Topic: s.topic, Sequence: sequence, Epoch: s.epoch, Lost: numberOf(fields, "lost"),
		Time: time.UnixMicro(int64(when * 1e6)),
	}
	sample.Value, _ = fields.Get("value")
	if !s.fresh {
		sample.Lost = sequence - s.next
	}
	s.fresh = false
	s.next = sequence + 1
	from := s.next
	s.from = &from
	return sample
}

// post sends a message that is not answered; a lost connection makes it needless.
func (s *Subscription) post(op string, fields *Map) {
	l := s.hub.link
	l.mu.Lock()
	c := l.conn
	id := uint64(0)
	if op != "credit" {
		l.next++
		id = l.next
	}
	l.mu.Unlock()
	nodes, err := message(op, id, fields)
	if err == nil && c != nil {
		ctx, cancel := context.WithTimeout(l.life, l.settings.grace)
		defer cancel()
		_ = c.send(ctx, nodes)
	}
}

func (s *Subscription) finish(err error) {
	s.mu.Lock()
	first := s.over == nil
	if first {
		s.over = err
	}
	s.mu.Unlock()
	if first {
		s.hub.link.forget(s.call)
	}
}

// Close ends the subscription. Closing again does nothing.
func (s *Subscription) Close() error {
	s.mu.Lock()
	over := s.over
	s.mu.Unlock()
	if over == nil {
		s.finish(newError(SessionClosed, ExecutedNo, "the subscription was closed"))
		fields := &Map{}
		fields.Set("subscription", s.call.id)
		s.post("unsubscribe", fields)
		s.call.put(incoming{op: "gone", err: s.over})
	}
	return nil
}

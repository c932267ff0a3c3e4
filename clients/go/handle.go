package arcuate

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"

	"arcuate.invalid/go/internal/wire"
)

// Handle is an object that stays in its environment: a fit, an environment, a function. It can be an argument, be
// called, indexed, and asked for its attributes. Close lets go of it; so does the garbage collector, some time after
// nothing refers to it any more.
type Handle struct {
	ref *reference
}

// reference is what a handle is to the hub; it never refers to the handle itself.
type reference struct {
	session    *Session
	id         string
	info       *Map
	generation int64
	released   atomic.Bool
}

// newHandle makes a handle that is released when nobody has it any more.
func newHandle(s *Session, id string, info *Map) *Handle {
	ref := &reference{session: s, id: id, info: info}
	if s != nil {
		ref.generation = s.Info().Generation
	}
	h := &Handle{ref}
	if s != nil {
		runtime.AddCleanup(h, func(ref *reference) { ref.release() }, ref)
	}
	return h
}

// known is what the handle refers to; one that no session made refers to nothing.
func (h *Handle) known() *reference {
	if h.ref == nil {
		return &reference{}
	}
	return h.ref
}

// release has the session say at its next request that the object is no longer used.
func (r *reference) release() bool {
	if r.session == nil || r.released.Swap(true) {
		return false
	}
	r.session.mu.Lock()
	defer r.session.mu.Unlock()
	if r.session.info.Generation == r.generation {
		r.session.released = append(r.session.released, r.id)
	}
	return true
}

// Close lets go of the object. Closing again does nothing.
func (h *Handle) Close() error {
	if h.known().release() {
		ctx, cancel := context.WithTimeout(context.Background(), h.known().session.settings.grace)
		defer cancel()
		return h.known().session.flush(ctx)
	}
	return nil
}

// ID is the object's name for the hub.
func (h *Handle) ID() string { return h.known().id }

// Class are the object's classes, most specific first.
func (h *Handle) Class() []string { return textsOf(h.known().info, "class") }

// Summary is what it printed as when it came.
func (h *Handle) Summary() string { return textOf(h.known().info, "summary") }

// Callable tells whether it can be called.
func (h *Handle) Callable() bool {
	callable, _ := h.known().info.Get("callable")
	return callable == true
}

// String is what it printed as when it came.
func (h *Handle) String() string { return "handle " + h.known().id + ": " + h.Summary() }

func (h *Handle) session() (*Session, error) {
	switch {
	case h.known().session == nil:
		return nil, newError(InvalidArgument, ExecutedNo,
			"this handle belongs to no session: it was read from a file, or made by hand")
	case h.known().released.Load():
		return nil, newError(StaleHandle, ExecutedNo, "the handle was closed")
	case h.known().session.Info().Generation != h.known().generation:
		return nil, newError(StaleHandle, ExecutedNo,
			"the object lived in an interpreter that is gone; make it again after the restart")
	}
	return h.known().session, nil
}

// Call calls the object with arguments.
func (h *Handle) Call(ctx context.Context, args ...any) (any, error) {
	s, err := h.session()
	if err != nil {
		return nil, err
	}
	value, err := single(s.Do(ctx, &Request{Target: h, Args: args}))
	runtime.KeepAlive(h)
	return value, err
}

// ask makes a request about the object.
func (h *Handle) ask(ctx context.Context, op string, more func(e *encoder) (int, error)) (any, error) {
	s, err := h.session()
	if err != nil {
		return nil, err
	}
	value, err := s.value(ctx, op, func(e *encoder) (int, error) {
		if err := e.handle("target", h); err != nil || more == nil {
			return 1, err
		}
		count, err := more(e)
		return 1 + count, err
	})
	runtime.KeepAlive(h)
	return value, err
}

// Attr is an attribute, field or element of the object by name.
func (h *Handle) Attr(ctx context.Context, name string) (any, error) {
	return h.ask(ctx, "attr", func(e *encoder) (int, error) { return 1, e.text("attribute", name) })
}

// SetAttr gives an attribute, field or element a value.
func (h *Handle) SetAttr(ctx context.Context, name string, value any) error {
	_, err := h.ask(ctx, "setattr", func(e *encoder) (int, error) {
		if err := e.text("attribute", name); err != nil {
			return 0, err
		}
		return 2, e.inside(".value", func() error { return e.value("value", value) })
	})
	return err
}

// Index is an element of the object, by the language's own convention: from 1 in R and Octave.
func (h *Handle) Index(ctx context.Context, args ...any) (any, error) {
	return h.ask(ctx, "index", func(e *encoder) (int, error) { return e.arguments(args) })
}

// Show is what printing the object shows there.
func (h *Handle) Show(ctx context.Context) (string, error) {
	found, err := h.ask(ctx, "show", nil)
	text, _ := found.(string)
	return text, err
}

// handle writes a handle: an object of another session of the same hub with the name of that session before it.
func (e *encoder) handle(key string, h *Handle) error {
	id := h.known().id
	if id == "" {
		return e.fail("a handle that no session made stands for nothing; Keep makes one")
	}
	if e.session != nil && h.known().session != nil {
		if _, err := h.session(); err != nil {
			return err
		}
		if there, here := h.known().session.Info(), e.session.Info(); h.known().session != e.session {
			if there.Hub == "" || there.Hub != here.Hub {
				return e.fail("a handle of a session of another hub; only its value can travel there")
			}
			id = there.Session + "/" + id
		}
	}
	row := e.row(wire.Handle, key)
	row.Text, row.Count = id, 1
	info := h.known().info
	if e.session != nil && h.known().session == e.session {
		info = nil // they know
	}
	return e.inside(".info", func() error { return e.flat(func() error { return e.mapping("info", info) }) })
}

// handle reads a handle.
func (d *decoder) handle(row *wire.Node) any {
	info := d.mapping()
	place, id, foreign := cutLast(row.Text)
	if d.session == nil || !foreign {
		return newHandle(d.session, row.Text, info)
	}
	owner, found := sessions.Load(d.session.Info().Hub + "/" + place)
	if !found {
		return newHandle(d.session, row.Text, info)
	}
	return newHandle(owner.(*Session), id, info)
}

func cutLast(id string) (place, rest string, found bool) {
	at := strings.LastIndexByte(id, '/')
	if at < 0 {
		return "", id, false
	}
	return id[:at], id[at+1:], true
}

// flush tells the hub which objects are no longer used. It is not answered; what may have been lost with a connection is
// sent again with the same id.
func (s *Session) flush(ctx context.Context) error {
	s.mu.Lock()
	names := s.released
	s.released = nil
	s.mu.Unlock()
	if len(names) == 0 {
		return nil
	}
	fields := &Map{}
	list := &List{Forced: true}
	for _, name := range names {
		list.Items = append(list.Items, name)
	}
	fields.Set("handles", list)
	l := s.link
	l.mu.Lock()
	l.next++
	id, c := l.next, l.conn
	nodes, err := message("release", id, fields)
	if err == nil {
		l.owed = append(l.owed, owed{id, nodes})
	}
	l.mu.Unlock()
	if err != nil || c == nil {
		return err // it goes when the connection is back
	}
	if err = c.send(ctx, nodes); isCode(err, ConnectionLost) {
		return nil
	}
	return err
}

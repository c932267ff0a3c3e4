package arcuate

import (
	"context"
	"math/rand/v2"
	"time"

	"arcuate.invalid/go/internal/wire"
)

const (
	firstDelay, lastDelay = 50 * time.Millisecond, 2 * time.Second
	attemptTime           = 5 * time.Second
)

// recover connects again until it succeeds or the hub has given the session up.
func (l *link) recover(reason error) {
	defer l.work.Done()
	l.mu.Lock()
	end := time.Now().Add(l.window)
	l.mu.Unlock()
	delay := firstDelay
	for {
		err := l.reconnect()
		if err == nil || l.life.Err() != nil {
			return
		}
		last := isCode(err, ConnectionLost) || isCode(err, CallTimeout)
		if !last || time.Now().Add(delay).After(end) {
			l.giveUp(reason, err, last)
			return
		}
		pause := time.NewTimer(time.Duration(float64(delay) * (0.5 + rand.Float64()/2)))
		select {
		case <-pause.C:
		case <-l.life.Done():
			pause.Stop()
			return
		}
		delay = min(2*delay, lastDelay)
	}
}

func (l *link) giveUp(reason, last error, nobody bool) {
	text := "and the hub does not resume the session"
	if nobody {
		text = "and could not be made again in time"
	}
	err := newError(ConnectionLost, ExecutedMaybe, "the connection was lost (%v), %s (%v)", reason, text, last)
	err.WorkspaceLost = true
	err.cause = last
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.fail(err)
	}
}

// reconnect makes one attempt: connect, resume, and send what was under way once more with the same ids. The hub
// carries out an id once only.
func (l *link) reconnect() error {
	ctx, cancel := context.WithTimeout(l.life, attemptTime)
	defer cancel()
	c, err := l.greet(ctx)
	if err != nil {
		return err
	}
	if l.resume != nil {
		stop := context.AfterFunc(ctx, c.cancel)
		err = l.resume(ctx, c)
		stop()
	}
	if err != nil {
		c.close()
		return err
	}
	c.lock <- struct{}{} // nobody sends before what is older has gone
	defer func() { <-c.lock }()
	l.mu.Lock()
	if l.closed || l.gone != nil {
		l.mu.Unlock()
		c.close()
		return l.life.Err()
	}
	var again []*wire.Nodes
	for _, one := range l.owed {
		again = append(again, one.nodes)
	}
	for _, one := range l.waiting() {
		if one.rewrite != nil {
			one.nodes = one.rewrite()
		}
		again = append(again, one.nodes)
		if one.answer != nil {
			again = append(again, one.answer)
		}
		one.sentOn = c
	}
	for _, id := range l.orphans {
		again = append(again, cancelMessage(id))
	}
	l.orphans = nil
	l.conn = c
	close(l.up)
	l.work.Add(1)
	go l.read(c)
	l.mu.Unlock()
	for _, nodes := range again {
		pieces, err := wire.Pack(nodes)
		if err != nil || c.sendLocked(l.life, pieces) != nil {
			return nil // the reader finds out what happened, and has it made again
		}
	}
	return nil
}

// answerTo waits for the answer to a request on a connection that nobody else reads yet.
func (l *link) answerTo(c *conn, id uint64) (*Map, error) {
	for {
		nodes, refused, err := c.receive()
		if err != nil {
			return nil, err
		}
		if refused != nil || len(nodes.Rows) < 3 {
			continue
		}
		fields := fieldsOf(nodes, nil, false)
		if got := numberOf(fields, "id"); got != int64(id) && got != 0 {
			continue
		}
		if textOf(fields, "op") == "error" {
			return nil, errorFrom(fields)
		}
		return fields, nil
	}
}

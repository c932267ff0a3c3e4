// Package clock measures the part of a call that is spent in this client: encoding, decoding and conversion. It does
// nothing unless it was started.
package clock

import (
	"sync/atomic"
	"time"
)

var (
	on    atomic.Bool
	spent atomic.Int64
)

// Start begins to measure; the sum begins at zero.
func Start() {
	spent.Store(0)
	on.Store(true)
}

// Stop ends measuring and returns what was spent.
func Stop() time.Duration {
	on.Store(false)
	return time.Duration(spent.Load())
}

// Own begins a part of the client's own; the function that it returns ends it.
func Own() func() {
	if !on.Load() {
		return nothing
	}
	begun := time.Now()
	return func() { spent.Add(int64(time.Since(begun))) }
}

func nothing() {}

package arcuate

import (
	"io"
)

// Event is something that happened between a call and its reply.
type Event struct {
	// Type is stdout, stderr, warning, message, display, progress or dropped.
	Type string
	// Text is what was printed, warned of or said.
	Text string
	// Class are the classes of a warning or message, most specific first.
	Class []string
	// MIME and Data are a figure.
	MIME string
	Data []byte
	// Fraction is how far the call is, from 0 to 1; nil where that is not known.
	Fraction *float64
	// Count is how many events were dropped before this one.
	Count int64
}

// output is where events go.
type output struct {
	stdout, stderr io.Writer
	handle         func(Event)
}

// over is the output of one call, where it says something of its own.
func (o output) over(r *Request) output {
	if r.Stdout != nil {
		o.stdout = r.Stdout
	}
	if r.Stderr != nil {
		o.stderr = r.Stderr
	}
	if r.Events != nil {
		o.handle = r.Events
	}
	return o
}

// deliver hands an event on. An error of a writer does not end the call; the last is returned.
func (o output) deliver(fields *Map) error {
	event := Event{
		Type: textOf(fields, "type"), Text: textOf(fields, "text"), Class: textsOf(fields, "class"),
		MIME: textOf(fields, "mime"), Count: numberOf(fields, "count"),
	}
	if data, found := fields.Get("data"); found {
		event.Data, _ = data.([]byte)
	}
	if fraction, found := fields.Get("fraction"); found {
		if number, good := fraction.(float64); good {
			event.Fraction = &number
		}
	}
	var err error
	switch {
	case event.Type == "stdout" && o.stdout != nil:
		_, err = io.WriteString(o.stdout, event.Text)
	case event.Type == "stderr" && o.stderr != nil:
		_, err = io.WriteString(o.stderr, event.Text)
	}
	if o.handle != nil {
		o.handle(event)
	}
	return err
}

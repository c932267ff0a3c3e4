package arcuate_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	arcuate "arcuate.invalid/go"
)

// topic is a subscription to a topic and a publisher of it, on connections of their own.
func topic(t *testing.T, name string, how *arcuate.SubscribeOptions, options ...arcuate.Option) (
	context.Context, *arcuate.Subscription, *arcuate.Publisher,
) {
	t.Helper()
	ctx := limited(t)
	reader, err := arcuate.DialHub(ctx, plainHub.address(t), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	writer, err := arcuate.DialHub(ctx, plainHub.address(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = writer.Close() })
	subscription, err := reader.Subscribe(ctx, name, how)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, subscription, writer.Publisher(name)
}

// A message without a number of its own may end with a value whose last key is "seq".
func TestSampleThatEndsWithASeq(t *testing.T) {
	ctx, subscription, publisher := topic(t, "go/seq", nil)
	for _, number := range []int64{7, 7, 1} { // not a number of the message either: nothing is passed over
		sent := &arcuate.Map{}
		sent.Set("channel", "a")
		sent.Set("seq", number)
		if _, err := publisher.Publish(ctx, sent); err != nil {
			t.Fatal(err)
		}
		short, stop := context.WithTimeout(ctx, 5*time.Second)
		sample, err := subscription.Next(short)
		stop()
		if err != nil {
			t.Fatal(err)
		}
		if got, found := sample.Value.(*arcuate.Map); !found || got.Len() != 2 {
			t.Fatalf("it came as %v", sample.Value)
		} else if seq, _ := got.Get("seq"); seq != number {
			t.Errorf("seq is %v instead of %d", seq, number)
		}
	}
}

// A sample that is refused was sent for a credit, like any other.
func TestRefusedSamplesDoNotUseUpTheCredit(t *testing.T) {
	ctx, subscription, publisher := topic(t, "go/refused", &arcuate.SubscribeOptions{Buffer: 2}, arcuate.WithLimits(0, 1<<17))
	for range 3 {
		if _, err := publisher.Publish(ctx, bytes.Repeat([]byte{1}, 1<<18)); err != nil {
			t.Fatal(err)
		}
		short, stop := context.WithTimeout(ctx, 5*time.Second)
		_, err := subscription.Next(short)
		stop()
		is(t, err, arcuate.LimitExceeded)
	}
	if _, err := publisher.Publish(ctx, "small"); err != nil {
		t.Fatal(err)
	}
	short, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	if sample, err := subscription.Next(short); err != nil || sample.Value != "small" || sample.Sequence != 4 {
		t.Errorf("%+v, %v", sample, err)
	}
}

// The context holds for the time behind another sample of the same publisher, too.
func TestPublishWaitsForNoOtherBeyondItsContext(t *testing.T) {
	ctx, _, publisher := topic(t, "go/held", &arcuate.SubscribeOptions{Policy: arcuate.Block, Buffer: 1})
	briefly := func() error {
		short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
		defer stop()
		_, err := publisher.Publish(short, 2)
		return err
	}
	for err := error(nil); err == nil; err = briefly() { // until nothing is taken any more
	}
	first, stop := context.WithTimeout(ctx, 3*time.Second)
	defer stop()
	held := make(chan error, 1)
	go func() {
		_, err := publisher.Publish(first, 1)
		held <- err
	}()
	begun := time.Now()
	for range 3 { // after the first of these at the latest the other one is on its way
		is(t, briefly(), arcuate.CallTimeout)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	is(t, <-held, arcuate.CallTimeout)
}

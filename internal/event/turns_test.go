package event

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// start runs a Flush in the background.
func start(t *testing.T, p *Processor, ctx context.Context) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- p.Flush(ctx) }()
	synctest.Wait()
	return done
}

// slowly answers every request after a second; first is the first answer.
func slowly(first reply) *testPlatform {
	first.wait = time.Second
	return &testPlatform{answer: func(n int, _ []item) reply {
		if n == 0 {
			return first
		}
		return reply{wait: time.Second}
	}}
}

// TestFlushCoversWhatCameBefore: a flush that has to wait for another one
// delivers what came after that had begun.
func TestFlushCoversWhatCameBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := slowly(reply{})
		p := inMemory(flush.Config{}, sink)
		record(p, user("u"), "a")
		first := start(t, p, t.Context())
		record(p, user("u"), "b")
		second := start(t, p, t.Context())
		checkError(t, <-first, nil)
		if s := p.Stats(); s.Delivered != 1 {
			t.Errorf("after the first: %+v", s)
		}
		checkError(t, <-second, nil)
		if got := sink.arrived(); got != "a b" {
			t.Errorf("arrived: %s", got)
		}
		checkStats(t, p, flush.Stats{Recorded: 2, Delivered: 2, Requests: 2})
	})
}

// TestFlushAnswersForOthers: what was queued when a flush was called may be
// delivered or lost by another one, and the answer has to be right.
func TestFlushAnswersForOthers(t *testing.T) {
	tests := []struct {
		name   string
		first  reply
		second *flush.Error
	}{
		{name: "delivered", first: reply{status: 200}},
		{name: "rejected, then delivered", first: reply{status: 400}},
		{name: "split", first: reply{status: 413}},
		{name: "refused, then delivered", first: reply{status: 401}},
		{name: "retained, then delivered", first: reply{status: 302}},
		{name: "asked to wait", first: reply{status: 302, after: "60"}, second: &flush.Error{Retained: 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := inMemory(flush.Config{}, slowly(test.first))
				record(p, user("u"), "a", "b")
				first := start(t, p, t.Context())
				second := start(t, p, t.Context())
				<-first
				checkError(t, <-second, test.second)
				checkBooks(t, p.Stats())
			})
		})
	}
}

// TestFlushWaitsForItsTurn as long as its context allows.
func TestFlushWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{}, slowly(reply{}))
		record(p, user("u"), "a", "b")
		first := start(t, p, t.Context())
		record(p, user("u"), "c")
		began := time.Now()
		checkError(t, p.Flush(testkit.Timeout(t, 100*time.Millisecond)), &flush.Error{Retained: 3, Cause: context.DeadlineExceeded})
		if took := time.Since(began); took != 100*time.Millisecond {
			t.Errorf("took %v", took)
		}
		checkError(t, <-first, nil)
		checkStats(t, p, flush.Stats{Recorded: 3, Delivered: 2, Queued: 1, Requests: 1})
	})
}

// TestFlushesTogether: each event goes out once however many ask for it.
func TestFlushesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := slowly(reply{})
		p := inMemory(flush.Config{BatchSize: 3}, sink)
		record(p, user("u"), "a", "b", "c", "d", "e")
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { checkError(t, p.Flush(t.Context()), nil) })
		}
		wg.Wait()
		if got := sink.arrived(); got != "a b c d e" {
			t.Errorf("arrived: %s", got)
		}
		checkStats(t, p, flush.Stats{Recorded: 5, Delivered: 5, Requests: 2})
	})
}

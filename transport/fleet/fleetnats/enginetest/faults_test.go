package enginetest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
)

// via makes a Backend connect through a proxy.
func via(p *testkit.Proxy) func(*fleetnats.Config) {
	return func(c *fleetnats.Config) { c.Servers = []string{p.Address} }
}

// A call on a server that does not respond returns with its context, also while it
// writes more than the network takes. The next one uses another connection.
func TestServerThatStops(t *testing.T) {
	t.Parallel()
	e := start(t)
	for name, call := range map[string]func(context.Context, fleet.Backend) error{
		"Get": func(ctx context.Context, b fleet.Backend) error { _, _, err := b.Get(ctx, "env/body"); return err },
		"Put": func(ctx context.Context, b fleet.Backend) error {
			for {
				if err := b.Put(ctx, "env/body", make([]byte, 512<<10)); err != nil {
					return err
				}
			}
		},
		"many": func(ctx context.Context, b fleet.Backend) error {
			ended := make(chan error, 40)
			for range cap(ended) {
				go func() { ended <- b.Put(ctx, "env/body", make([]byte, 512<<10)) }()
			}
			for range cap(ended) - 1 {
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("a call returned the error %v, want Canceled", err)
				}
			}
			return <-ended
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := testkit.NewProxy(t, e.port.Address)
			b := e.open(via(p))
			if err := b.Put(testkit.Within(t), "env/body", []byte("body")); err != nil {
				t.Fatal(err)
			}
			p.Stall(true)
			ctx, cancel := context.WithCancel(testkit.Within(t))
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- call(ctx, b) }()
			testkit.Eventually(t, "the call waits for the server", func() bool { return p.Held.Load() > 0 })
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want Canceled", err)
			}
			p.Stall(false)
			if _, _, err := b.Get(testkit.Within(t), "env/body"); err != nil {
				t.Errorf("Get after the server went on: %v", err)
			}
			if got := p.Accepted.Load(); got != 2 {
				t.Errorf("the backend has made %d connections, want 2", got)
			}
		})
	}
}

// A write whose response is lost is sent again, made once, and reported.
func TestWritesWhoseResponsesAreLost(t *testing.T) {
	t.Parallel()
	e := start(t)
	p := testkit.NewProxy(t, e.port.Address)
	b := e.open(via(p))
	tag, err := b.Swap(testkit.Within(t), "env/head", []byte("first"), "")
	if err != nil {
		t.Fatal(err)
	}
	changed := make(chan []byte, 10)
	go func() {
		_ = e.open().WatchValue(testkit.Within(t), "env/head", func(value []byte) { changed <- value })
	}()
	<-changed
	p.Cut.Store(1)
	next, err := b.Swap(testkit.Within(t), "env/head", []byte("second"), tag)
	if err != nil {
		t.Fatalf("Swap: %v", err)
	}
	value, got, err := e.open().Get(testkit.Within(t), "env/head")
	if err != nil || string(value) != "second" || got != next {
		t.Errorf("the value is %q with the tag %s, error %v; want the tag %s", value, got, err, next)
	}
	reported := <-changed
	if string(reported) == "first" { // the report of the first Swap was under way
		reported = <-changed
	}
	if string(reported) != "second" {
		t.Errorf("the report has the value %q, want second", reported)
	}
	if p.Cut.Load() != 0 || p.Accepted.Load() != 2 {
		t.Errorf("%d responses are to be cut, %d connections: want one cut and a second connection", p.Cut.Load(), p.Accepted.Load())
	}
	q := e.queue(func(c *fleetnats.QueueConfig) { c.Servers = []string{p.Address} })
	if err := q.Create(testkit.Within(t), fleetnats.QueueLimits{MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	p.Cut.Store(1)
	if err := q.Put(testkit.Within(t), flush.Batch{Environment: "env", Body: []byte("[]")}); err != nil {
		t.Fatalf("Put: %v", err)
	}
	taken, err := q.Take(testkit.Within(t), 10)
	if err != nil || len(taken) != 1 {
		t.Errorf("%d batches are in the queue, error %v, want 1", len(taken), err)
	}
}

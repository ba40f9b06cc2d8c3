package fleetredis_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

const flag = "new-checkout"

// world is a platform, a publisher, and a reader of an engine.
type world struct {
	*testing.T
	platform    *ffctest.Server
	client      *ffc.Client
	environment string
}

// newWorld starts all of them. The flag is on. The flag is evaluated all the time,
// and the test fails if an evaluation returns the fallback.
func newWorld(t *testing.T, open func() *fleetredis.Backend) *world {
	t.Helper()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag(flag)))
	t.Cleanup(platform.Close)
	publisher := &relay.Publisher{
		Config:  ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Logger: testkit.Quiet()},
		Backend: open(),
		Beat:    100 * time.Millisecond,
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- publisher.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	testkit.Eventually(t, "the publisher leads", func() bool { return publisher.Status().Revision != 0 })
	client, err := ffc.New(testkit.Within(t), ffc.Config{
		Platform: ffc.PlatformClassic,
		Transport: &fleet.Transport{
			Backends:    []fleet.Backend{open()},
			Environment: publisher.Status().Environment,
			Watch:       true,
			Spread:      -1,
			Interval:    100 * time.Millisecond,
			FirstRetry:  10 * time.Millisecond,
			MaxRetry:    100 * time.Millisecond,
		},
		Events: flush.Config{Disabled: true},
		Logger: testkit.Quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	w := &world{t, platform, client, publisher.Status().Environment}
	w.expect(true)
	w.evaluate()
	return w
}

// evaluate evaluates the flag until the test ends.
func (w *world) evaluate() {
	ctx, cancel := context.WithCancel(w.Context())
	var work sync.WaitGroup
	var evaluations atomic.Int64
	for range 4 {
		work.Go(func() {
			for tick := time.NewTicker(time.Millisecond); ; {
				if d := w.client.BoolVariationDetail(ctx, flag, ffc.NewUser("u-2"), false); d.Err != nil {
					w.Errorf("evaluation %d returns the fallback: %v", evaluations.Load(), d.Err)
					return
				}
				evaluations.Add(1)
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	w.Cleanup(func() {
		cancel()
		work.Wait()
		if evaluations.Load() < 100 {
			w.Errorf("%d evaluations: the test shows little", evaluations.Load())
		}
	})
}

// expect waits until the reader has a value, and fails if it loses its data
// meanwhile.
func (w *world) expect(on bool) {
	w.Helper()
	testkit.Eventually(w, fmt.Sprintf("the flag is %t", on), func() bool {
		detail := w.client.BoolVariationDetail(w.Context(), flag, ffc.NewUser("u-1"), false)
		if detail.Err != nil {
			w.Fatalf("the reader has lost its data: %v", detail.Err)
		}
		return detail.Value == on
	})
}

// turn sets the flag on the platform, and waits until the reader has it.
func (w *world) turn(on bool) {
	w.Helper()
	item := ffctest.Flag(flag)
	if !on {
		item = item.Off()
	}
	w.platform.Put(item)
	w.expect(on)
}

func TestFleetSurvivesFlushAllAndRestarts(t *testing.T) {
	t.Parallel()
	s := start(t)
	w := newWorld(t, func() *fleetredis.Backend { return s.open() })
	w.turn(false)
	s.command("FLUSHALL")
	w.turn(true)
	s.restart()
	w.turn(false)
	if w.platform.Connections() != 1 {
		t.Errorf("the platform has %d connections, want that of the publisher", w.platform.Connections())
	}
}

// The replica of a server that fails is promoted. Later the first server is back,
// as a replica, and then it is promoted in turn while both run.
func TestFleetFollowsPromotedReplicas(t *testing.T) {
	t.Parallel()
	const fast = "--repl-diskless-sync-delay" // 0 instead of 5 s
	first, second := start(t, fast, "0"), start(t, fast, "0")
	addresses := []string{first.port.Address, second.port.Address}
	second.replicate(first)
	w := newWorld(t, func() *fleetredis.Backend {
		return open(t, func(c *fleetredis.Config) { c.Addresses = addresses })
	})
	w.turn(false)
	stop(first.process)
	second.command("REPLICAOF", "NO", "ONE")
	w.turn(true)
	first.run()
	first.replicate(second)
	w.turn(false)
	first.command("REPLICAOF", "NO", "ONE")
	second.replicate(first)
	w.turn(true)
}

// refreshing returns a client that reads the head with each refresh.
func refreshing(t testing.TB, b *fleetredis.Backend) *ffc.Client {
	t.Helper()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag(flag)))
	defer platform.Close()
	publisher := &relay.Publisher{
		Config:  ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Logger: testkit.Quiet()},
		Backend: b,
	}
	if err := publisher.Once(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	client, err := ffc.New(testkit.Within(t), ffc.Config{
		Platform:  ffc.PlatformClassic,
		Transport: &fleet.Transport{Backends: []fleet.Backend{b}, Environment: publisher.Status().Environment, MaxAge: 1},
		Events:    flush.Config{Disabled: true},
		Logger:    testkit.Quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	return client
}

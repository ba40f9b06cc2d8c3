package fleetkit

import (
	"context"
	"fmt"
	"strings"
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
)

// Flag is the key of the flag on the platform of a World.
const Flag = "new-checkout"

// World is an ffctest.Server, a publisher, and a reader of an engine, for tests of
// backends.
type World struct {
	testing.TB
	Platform    *ffctest.Server
	Client      *ffc.Client
	Environment string
}

// NewWorld starts all of them. The flag is on. The flag is evaluated all the time, and
// the test fails if an evaluation returns the fallback. open returns a backend; each
// call returns another one on the same engine. The reader watches if the backend
// can.
func NewWorld(t testing.TB, open func() fleet.Backend) *World {
	t.Helper()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag(Flag)))
	t.Cleanup(platform.Close)
	publisher := publisherOf(platform, open())
	publisher.Beat = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- publisher.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	testkit.Eventually(t, "the publisher leads", func() bool { return publisher.Status().Revision != 0 })
	reads := &fleet.Transport{
		Backends:    []fleet.Backend{open()},
		Environment: publisher.Status().Environment,
		Interval:    100 * time.Millisecond,
		FirstRetry:  10 * time.Millisecond,
		MaxRetry:    100 * time.Millisecond,
	}
	heads := reads.Backends[0]
	if split, ok := heads.(fleet.Split); ok {
		heads = split.Heads
	}
	if _, reads.Watch = heads.(fleet.Watcher); reads.Watch {
		reads.Spread = -1
	}
	w := &World{t, platform, reader(t, reads), reads.Environment}
	w.Expect(true)
	w.evaluate()
	return w
}

// evaluate evaluates the flag until the test ends.
func (w *World) evaluate() {
	ctx, cancel := context.WithCancel(w.Context())
	var work sync.WaitGroup
	var evaluations atomic.Int64
	for range 4 {
		work.Go(func() {
			for tick := time.NewTicker(time.Millisecond); ; {
				if d := w.Client.BoolVariationDetail(ctx, Flag, ffc.NewUser("u-2"), false); d.Err != nil {
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

// Expect waits until the reader has a value, and fails if it loses its data
// meanwhile.
func (w *World) Expect(on bool) {
	w.Helper()
	testkit.Eventually(w, fmt.Sprintf("the flag is %t", on), func() bool {
		detail := w.Client.BoolVariationDetail(w.Context(), Flag, ffc.NewUser("u-1"), false)
		if detail.Err != nil {
			w.Fatalf("the reader has lost its data: %v", detail.Err)
		}
		return detail.Value == on
	})
}

// Turn sets the flag on the platform, and waits until the reader has it.
func (w *World) Turn(on bool) {
	w.Helper()
	item := ffctest.Flag(Flag)
	if !on {
		item = item.Off()
	}
	w.Platform.Put(item)
	w.Expect(on)
}

// Refreshing returns a reader of published data that reads the head with each
// refresh.
func Refreshing(t testing.TB, b fleet.Backend) *ffc.Client {
	t.Helper()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag(Flag)))
	defer platform.Close()
	publisher := publisherOf(platform, b)
	if err := publisher.Once(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	return reader(t, &fleet.Transport{Backends: []fleet.Backend{b}, Environment: publisher.Status().Environment, MaxAge: 1})
}

// publisherOf returns a publisher from a platform to an engine.
func publisherOf(platform *ffctest.Server, engine fleet.Backend) *relay.Publisher {
	return &relay.Publisher{
		Config:  ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Logger: testkit.Quiet()},
		Backend: engine,
	}
}

// reader returns a client that ends with the test.
func reader(t testing.TB, reads *fleet.Transport) *ffc.Client {
	t.Helper()
	client, err := NewReader(testkit.Within(t), reads, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

// NewReader returns a client that reads an engine, has no secret and logs nothing.
// The default of t.Environment is Environment. startWait is that of ffc.Config. The
// caller closes the client.
func NewReader(ctx context.Context, t *fleet.Transport, startWait time.Duration) (*ffc.Client, error) {
	reads := *t
	if reads.Environment == "" {
		reads.Environment = Environment
	}
	platform := ffc.PlatformFeatBit
	if strings.HasPrefix(reads.Environment, "FF__") {
		platform = ffc.PlatformClassic
	}
	return ffc.New(ctx, ffc.Config{
		Platform:  platform,
		Transport: &reads,
		StartWait: startWait,
		Events:    flush.Config{Disabled: true},
		Logger:    testkit.Quiet(),
	})
}

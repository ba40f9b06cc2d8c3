package ffc_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// TestWaitReadyLoadsOnDemand: if New did not wait, WaitReady must fetch the data
// itself, because nothing else fetches it on demand.
func TestWaitReadyLoadsOnDemand(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		for name, onDemand := range map[string]transport.Transport{"poll": &poll.Transport{}, "stream": &stream.Transport{OnDemand: true}} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				_, client := connectedTo(t, p, func(c *ffc.Config) { c.Transport, c.StartWait = onDemand, -1 }, ffctest.Flag("a"))
				if client.Initialized() {
					t.Fatal("initialized before anything was loaded")
				}
				if err := client.WaitReady(testkit.Within(t)); err != nil || !client.Initialized() {
					t.Errorf("WaitReady returned %v, initialized %v", err, client.Initialized())
				}
			})
		}
	})
}

// TestWaitReadyRetries: WaitReady retries while the platform is down, also for
// many callers, and later calls load nothing.
func TestWaitReadyRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		m.Set(platforms.Reply{Err: platforms.ErrDown}, platforms.Reply{})
		client := m.client(func(c *ffc.Config, _ *poll.Transport) { c.StartWait = -1 })
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if err := client.WaitReady(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(10 * time.Second)
		m.Set(platforms.Reply{}, platforms.Reply{})
		wg.Wait()
		polls, _ := m.Requests()
		if err := client.WaitReady(t.Context()); err != nil {
			t.Error(err)
		}
		if again, _ := m.Requests(); again != polls {
			t.Error("a client that was ready loaded its data again")
		}
	})
}

// TestWaitReadyEnds: WaitReady ends with its context, with Close, and when the
// data comes in another way; nothing stays behind.
func TestWaitReadyEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		m.Set(platforms.Reply{Err: platforms.ErrDown}, platforms.Reply{})
		client := m.client(func(c *ffc.Config, _ *poll.Transport) { c.StartWait = -1 })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := client.WaitReady(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("got %v after %v, want the context's error after 1 s", err, time.Since(began))
		}
		outcome := make(chan error, 1)
		go func() { outcome <- client.WaitReady(t.Context()) }()
		synctest.Wait()
		if err := client.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := receive(t, "WaitReady", outcome); err != ffc.ErrClosed {
			t.Errorf("WaitReady returned %v after Close", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		m.Set(platforms.Reply{Hang: true}, platforms.Reply{})
		client := m.client(func(c *ffc.Config, p *poll.Transport) { c.StartWait, p.Timeout = -1, time.Hour })
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := client.WaitReady(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("WaitReady returned %v", err)
		}
	})
	testkit.GoroutinesEnd(t, before)
}

func TestWaitReadySaysWhyThePlatformRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		m.Set(platforms.Reply{Status: 401}, platforms.Reply{})
		client := m.client(func(c *ffc.Config, _ *poll.Transport) { c.StartWait = -1 })
		var refused *transport.Error
		if err := client.WaitReady(t.Context()); !errors.As(err, &refused) || refused.Kind != transport.KindRefused {
			t.Errorf("got %v", err)
		}
	})
}

// A transport of the application's that panics must not end the process, in New
// or in WaitReady.
func TestWaitReadyTransportPanics(t *testing.T) {
	t.Parallel()
	client, err := ffc.New(t.Context(), ffc.Config{EnvSecret: ffctest.EnvSecret, Transport: sessionOf{panicsOnLoad{}}, Logger: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	if err := client.WaitReady(testkit.Within(t)); err == nil || !strings.Contains(err.Error(), "Config.Transport panicked") {
		t.Errorf("got %v", err)
	}
}

// sessionOf is a transport whose Open returns a given session.
type sessionOf struct{ session transport.Session }

func (s sessionOf) Open(transport.Env) (transport.Session, error) { return s.session, nil }

type panicsOnLoad struct{ transport.Refresher }

func (panicsOnLoad) Load(context.Context) error { panic("the application's mistake") }
func (panicsOnLoad) Close()                     {}

// onlyStats is a session that never gets data.
type onlyStats struct{}

func (onlyStats) Stats() transport.Stats { return transport.Stats{} }

// A client whose transport does nothing would never have data.
func TestNewRejectsSessionsThatDoNothing(t *testing.T) {
	t.Parallel()
	for name, session := range map[string]transport.Session{
		"nil":                           nil,
		"nil pointer":                   (*nilSession)(nil),
		"neither Runner nor Refresher":  onlyStats{},
		"pointer, and neither of these": new(onlyStats),
	} {
		_, err := ffc.New(t.Context(), ffc.Config{EnvSecret: ffctest.EnvSecret, Transport: sessionOf{session}, Logger: testkit.Quiet()})
		if err == nil || !strings.Contains(err.Error(), "ffc: Config.Transport: its Open method returned") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// nilSession is a Runner, so that only the pointer tells that it is missing.
type nilSession struct{ onlyStats }

func (*nilSession) Run(context.Context) {}

func TestNewRejectsNilTransports(t *testing.T) {
	t.Parallel()
	for _, none := range []transport.Transport{nil, (*poll.Transport)(nil), (*stream.Transport)(nil), openFunc(nil)} {
		_, err := ffc.New(t.Context(), ffc.Config{EnvSecret: ffctest.EnvSecret, Transport: none, Logger: testkit.Quiet()})
		if err == nil || !strings.Contains(err.Error(), "Config.Transport: missing transport") {
			t.Errorf("%T: got %v", none, err)
		}
	}
}

// openFunc is a transport that is a function.
type openFunc func() transport.Session

func (f openFunc) Open(transport.Env) (transport.Session, error) { return f(), nil }

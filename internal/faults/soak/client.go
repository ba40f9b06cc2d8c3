package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// way is how a client gets data and delivers events.
type way struct {
	name      string
	transport func() transport.Transport
	secured   bool                  // TLS and, but for websockets, HTTP/2
	behind    *ffc.MiddlewareConfig // events are recorded by requests to a server with this middleware
}

const resync = 50 * time.Millisecond

func push() *stream.Transport {
	return &stream.Transport{
		FirstRetry: 5 * time.Millisecond, MaxRetry: 50 * time.Millisecond, PingInterval: 50 * time.Millisecond,
		SilenceTimeout: 300 * time.Millisecond, ConnectTimeout: 500 * time.Millisecond,
		Resync: resync, FullResync: 4 * resync,
	}
}

func requests(interval time.Duration) *poll.Transport {
	return &poll.Transport{
		MaxAge: 10 * time.Millisecond, Interval: interval, Timeout: 500 * time.Millisecond,
		FirstRetry: 5 * time.Millisecond, MaxRetry: 50 * time.Millisecond,
		Resync: resync, FullResync: 4 * resync,
	}
}

func streaming() transport.Transport { return push() }

func dialling() transport.Transport {
	t := push()
	t.OnDemand, t.MaxAge = true, 10*time.Millisecond
	return t
}

func falling() transport.Transport {
	t := push()
	t.Fallback, t.FallbackAfter = requests(0), 50*time.Millisecond
	return t
}

func asking() transport.Transport { return requests(0) }

func polling() transport.Transport { return requests(20 * time.Millisecond) }

var ways = []way{
	{name: "stream", transport: streaming},
	{name: "stream on demand", transport: dialling},
	{name: "stream with fallback", transport: falling},
	{name: "poll on demand", transport: asking},
	{name: "poll at an interval", transport: polling},
	{name: "stream, TLS", transport: streaming, secured: true},
	{name: "poll at an interval, TLS", transport: polling, secured: true},
	{name: "middleware, poll on demand", transport: asking, behind: &ffc.MiddlewareConfig{FlushEvery: 20 * time.Millisecond}},
	{name: "middleware, poll on demand, TLS", transport: asking, secured: true, behind: &ffc.MiddlewareConfig{FlushEvery: 20 * time.Millisecond}},
	{name: "middleware that holds responses, stream on demand", transport: dialling, behind: &ffc.MiddlewareConfig{HoldResponse: 5 * time.Millisecond}},
}

// client is a client of a platform, with the goroutines that use it.
type client struct {
	*ffc.Client
	way
	platform *platform
	server   *httptest.Server // with the middleware, or nil
	visitors http.Client      // sends requests to server
	poisoned uint64           // number of events that the platform rejects
}

func (p *platform) client(w way) (*client, error) {
	c := &client{way: w, platform: p}
	cfg := ffc.Config{
		EnvSecret: p.server().EnvSecret, BaseURL: p.plain.proxy.URL(), Transport: w.transport(),
		Events: flush.Config{Interval: 20 * time.Millisecond, Timeout: 500 * time.Millisecond, RetryWait: time.Millisecond},
		Logger: slog.New(slog.DiscardHandler),
	}
	if w.behind != nil {
		cfg.Events.Interval = 0
	}
	if w.secured {
		cfg.BaseURL, cfg.HTTPClient = "https://"+p.secured.proxy.Address, p.secured.trusting()
	}
	var err error
	if c.Client, err = ffc.New(context.Background(), cfg); err != nil {
		return nil, err
	}
	if w.behind != nil {
		c.server = httptest.NewServer(c.MiddlewareWith(*w.behind, http.HandlerFunc(c.handle)))
		c.visitors.Transport = &http.Transport{}
	}
	return c, nil
}

const (
	evaluators = 2 // per client
	tempo      = 5 * time.Millisecond
)

var user = ffc.NewUser("user", ffc.String("plan", "free"))

// work uses the client until ctx ends.
func (c *client) work(ctx context.Context, work *sync.WaitGroup) {
	for range evaluators {
		if c.server != nil {
			work.Go(func() { c.repeat(ctx, c.visit) })
		} else {
			work.Go(func() { c.repeat(ctx, c.evaluate) })
		}
	}
	if c.server == nil {
		work.Go(func() { c.repeat(ctx, func(ctx context.Context) { _ = c.Refresh(ctx) }) })
	}
}

func (c *client) repeat(ctx context.Context, do func(context.Context)) {
	tick := time.NewTicker(tempo)
	defer tick.Stop()
	for {
		do(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (c *client) evaluate(ctx context.Context) { c.value(ctx) }

func (c *client) value(ctx context.Context) string {
	d := c.VariationDetail(ctx, "release", user, "fallback")
	if d.Err != nil || !slices.Contains(values, d.Value) {
		c.platform.soak.illegal.Add(1)
	}
	c.platform.soak.evaluations.Add(1)
	return d.Value
}

func (c *client) handle(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, c.value(r.Context()))
}

// visit makes a request to the server with the middleware.
func (c *client) visit(context.Context) {
	if err := c.request(); err != nil {
		c.platform.soak.illegal.Add(1)
	}
}

func (c *client) request() error {
	response, err := c.visitors.Get(c.server.URL)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !slices.Contains(values, string(body)) {
		return fmt.Errorf("the middleware's server responded with %d %q: %w", response.StatusCode, body, err)
	}
	return nil
}

// poison records an event that the platform rejects.
func (c *client) poison() {
	c.poisoned++
	_ = c.TrackMetric(context.Background(), user, poisonous, 1)
}

// recovers waits until the client has the data of the platform, after older
// versions and purged flags too, and its state is OK.
func (c *client) recovers(ctx context.Context) error {
	p := c.platform
	if err := p.server().WaitSynced(ctx, c); err != nil {
		return err
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		_ = c.Refresh(ctx)
		s := c.Status()
		wrong := ""
		switch got := c.value(ctx); {
		case got != p.held.value:
			wrong = fmt.Sprintf("the flag release is %q, want %q", got, p.held.value)
		case p.held.others < others && c.FlagKnown(other(p.held.others)):
			wrong = "a purged flag still exists"
		case s.State != ffc.StateOK || s.Err != nil:
			wrong = "the state is not OK"
		default:
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s after %v, status %+v", wrong, recovery, s)
		}
	}
}

// delivers makes requests until the middleware has delivered events while others were
// handled. Faults may have kept it from that.
func (c *client) delivers(ctx context.Context) error {
	tick := time.NewTicker(tempo)
	defer tick.Stop()
	for c.Stats().Events.Delivered == 0 {
		if err := c.request(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the middleware delivered nothing within %v after the last fault: %+v", recovery, c.Stats().Events)
		}
	}
	return nil
}

// close delivers all events, closes the client and checks that it accounts for
// every event.
func (c *client) close(ctx context.Context, out io.Writer) error {
	var wrong []error
	if c.server != nil {
		if err := c.delivers(ctx); err != nil {
			wrong = append(wrong, err)
		}
		c.server.Close()
		c.visitors.CloseIdleConnections()
	}
	// A poisoned event is dropped only if others are accepted meanwhile. Flush
	// returns the error.
	for c.Stats().Events.Dropped.Rejected < c.poisoned || c.Flush(ctx) != nil {
		if c.value(ctx); ctx.Err() != nil {
			break
		}
		_ = c.Flush(ctx)
	}
	if err := c.Close(ctx); err != nil {
		wrong = append(wrong, fmt.Errorf("closing: %w", err))
	}
	stats := c.Stats()
	fmt.Fprintf(out, "%v, %s: %+v\n", c.platform.kind, c.name, stats)
	e := stats.Events
	if e.Recorded != e.Delivered+c.poisoned || e.Queued != 0 || e.Dropped != (flush.Dropped{Rejected: c.poisoned}) {
		wrong = append(wrong, fmt.Errorf("events are not accounted for: %d events were poisoned, %+v", c.poisoned, e))
	}
	return errors.Join(wrong...)
}

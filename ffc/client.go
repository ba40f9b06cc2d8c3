package ffc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/afterwork"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/event"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Client evaluates the flags of one environment. Make one with New and share
// it; all its methods may be called concurrently. Clients share nothing. The zero
// Client behaves as a closed one.
type Client struct {
	cfg       settings
	log       *slog.Logger // what cannot wait for it uses promptLog
	promptLog *slog.Logger
	fallbacks map[string]*eval.Variation
	// fallbackLog is nil with Config.QuietFallbacks.
	fallbackLog *fallbackLog
	requests    *httpclient.Pool
	// withoutSecret replaces an error of the transport that holds the secret.
	withoutSecret func(error) error

	view       atomic.Pointer[view]
	store      clientStore
	status     statusBoard
	events     *event.Processor
	deliveries afterwork.Requests // with the requests of the middleware
	session    transport.Session
	onDemand   transport.Refresher // the session, if it works on demand
	changes    mailboxes[[]string]
	// Functions of the application, by name, that panicked or did not return.
	panicked, abandoned sync.Map

	stop    context.CancelFunc // ends what runs in the background
	running []<-chan struct{}  // closed when it has ended

	closed   atomic.Bool   // set first thing in Close
	closing  chan struct{} // closed last thing in Close
	closeErr error
}

// closeTime is how long Close delivers events if its context has no deadline.
const closeTime = 5 * time.Second

// New returns a client. It fails only if the configuration is invalid, and
// reports all problems at once: the error joins one *ConfigError for each.
// Bootstrap and the transport's settings are checked once the other fields are
// valid. New does not fail when the platform is unreachable. It waits until the
// client has the platform's data, the platform refuses the secret,
// Config.StartWait is over or ctx ends, whichever comes first, and the client
// goes on trying: see Initialized, WaitReady and Status. Until there is data,
// evaluations use Config.Bootstrap, or answer the fallback with
// ReasonClientNotReady.
//
// ctx bounds the wait only. Close the client when it is no longer needed.
func New(ctx context.Context, cfg Config) (*Client, error) {
	s, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: s, fallbacks: compileFallbacks(cfg.Fallbacks), closing: make(chan struct{})}
	logger := cfg.Logger
	if logger == nil {
		logger = safelog.Default()
	}
	c.log, c.promptLog = safelog.New(logger)
	secret := s.EnvSecret
	c.withoutSecret = func(err error) error { return withoutSecret(err, secret) }
	if !cfg.QuietFallbacks {
		c.fallbackLog = newFallbackLog(c.promptLog)
	}
	c.store.init(c)
	c.status.init(cfg.Offline)
	errs := configErrors("Bootstrap", c.store.bootstrap(cfg.Bootstrap))
	c.cfg.Bootstrap = nil // not to be kept twice
	c.requests = httpclient.NewPool(cfg.HTTPClient, c.noteAbandoned)
	errs = append(errs, configErrors("Transport", c.open())...)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	c.start()
	c.cfg.EnvSecret = "" // who has it now needs it: a client that is printed as part of something must not tell
	c.awaitData(ctx)
	return c, nil
}

// Format implements fmt.Formatter: a client prints as its state and nothing it
// knows.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "ffc.Client(%s)", c.Status().State)
}

// unmade reports whether this is a zero Client, which New has not made.
func (c *Client) unmade() bool { return c.view.Load() == nil }

// current returns what evaluations read; nothing for a zero Client.
func (c *Client) current() *view {
	if v := c.view.Load(); v != nil {
		return v
	}
	return &view{}
}

// open makes the transport's session.
func (c *Client) open() (err error) {
	if c.cfg.Offline {
		return nil
	}
	c.session, err = c.cfg.Transport.Open(transport.Env{
		EnvSecret:    transport.NewSecret(c.cfg.EnvSecret),
		Platform:     c.cfg.codec.Name,
		BaseURL:      c.cfg.baseURL,
		StreamingURL: c.cfg.streamingURL,
		HTTPClient:   c.requests.Client(),
		Logger:       c.log,
		Store:        &c.store,
	})
	if err != nil {
		return err
	}
	c.onDemand, _ = c.session.(transport.Refresher)
	if _, runs := c.session.(transport.Runner); missing(c.session) || !runs && c.onDemand == nil {
		return fmt.Errorf("its Open method returned %T: expected a transport.Runner or a transport.Refresher", c.session)
	}
	if holder, ok := c.session.(transport.Holder); ok {
		c.store.holdFor(holder.HoldFor())
	}
	return nil
}

// start starts what runs in the background, if anything does.
func (c *Client) start() {
	events := c.cfg.Events
	events.Disabled = events.Disabled || c.cfg.Offline
	secret := c.cfg.EnvSecret
	var source func() transport.Source
	if sourced, ok := c.session.(transport.Sourced); ok {
		source = sourced.Source
	}
	c.events = event.New(events, event.Destination{
		Source:   source,
		URL:      c.cfg.eventsURL + c.cfg.codec.EventsPath,
		Secret:   func() string { return secret },
		Client:   c.requests.Client(),
		Logger:   c.log,
		Protocol: c.cfg.codec.Protocol,
		OnDemand: c.onDemand != nil,
	})
	c.deliveries.Flush = c.flushWithin
	c.deliveries.Queued = func() uint64 { return uint64(c.events.Queued()) }
	ctx, cancel := context.WithCancel(context.Background())
	c.stop = cancel
	runner, ok := c.session.(transport.Runner)
	if ok || c.events.Background() {
		c.requests.Ping()
	}
	if ok {
		c.run(ctx, runner.Run)
	}
	if c.events.Background() {
		c.run(ctx, c.events.Run)
	}
}

func (c *Client) run(ctx context.Context, f func(context.Context)) {
	done := make(chan struct{})
	c.running = append(c.running, done)
	go func() {
		defer close(done)
		f(ctx)
	}()
}

// awaitData waits for the first data within Config.StartWait.
func (c *Client) awaitData(ctx context.Context) {
	wait := c.cfg.StartWait
	switch {
	case wait < 0:
		return
	case wait == 0:
		wait = defaultStartWait
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	_ = c.WaitReady(ctx) // Status reports the error
}

func compileFallbacks(texts map[string]string) map[string]*eval.Variation {
	fallbacks := make(map[string]*eval.Variation, len(texts))
	for key, text := range texts {
		v := eval.NewVariation("", text)
		fallbacks[key] = &v
	}
	return fallbacks
}

// Refresh brings the data up to date where the transport works on demand, and
// returns nil at once otherwise. It blocks as long as the transport allows
// itself, or until ctx ends. An error says why the data may be old; what the
// client has goes on serving.
//
// Events that are recorded from its beginning on have the right time even if
// the process was frozen before, with any transport.
func (c *Client) Refresh(ctx context.Context) error {
	if c.closed.Load() || c.unmade() {
		return ErrClosed
	}
	c.events.ReadClock()
	if c.onDemand == nil {
		return nil
	}
	return c.guarded(ctx, c.onDemand.Refresh)
}

// guarded calls a method of the transport, which may be the application's. A
// panic becomes an error, as it must not fail a unit of work.
func (c *Client) guarded(ctx context.Context, f func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.notePanic("Config.Transport", v)
			err = fmt.Errorf("ffc: Config.Transport panicked with a %T", v)
		}
	}()
	return f(ctx)
}

// Flush delivers all events that were recorded before the call, and returns nil
// when the platform has accepted them. Otherwise it returns a *flush.Error: events
// that may still be delivered stay queued for the next Flush. It blocks until
// then or until ctx ends. After Close it returns ErrClosed.
//
// When ctx ends, the request under way goes on in the background, so that its
// events are not sent twice, and the next Flush waits for it. Where the process is
// frozen between units of work, call ForceFlush.
func (c *Client) Flush(ctx context.Context) error {
	if c.closed.Load() || c.unmade() {
		return ErrClosed
	}
	// A delivery of the middleware may be under way, and go first.
	defer c.deliveries.Count()()
	return c.events.Flush(ctx)
}

// ForceFlush is Flush for processes that are frozen between units of work, such
// as AWS Lambda. When ctx ends, it cuts the request under way. The platform may
// have stored those events, which the next delivery sends again. So, if ctx has a
// deadline, requests have only as many events as the platform is likely to store in
// half of the time left, and ForceFlush returns early when little time is left.
// OpenTelemetry's Lambda wrapper calls a method of this name.
func (c *Client) ForceFlush(ctx context.Context) error {
	defer c.deliveries.Count()()
	return c.flushWithin(ctx, 0)
}

// flushWithin is ForceFlush for the middleware. A time within that is above 0
// counts for the size of requests, instead of the deadline of ctx.
func (c *Client) flushWithin(ctx context.Context, within time.Duration) error {
	if c.closed.Load() || c.unmade() {
		return ErrClosed
	}
	return c.events.FlushWithin(ctx, within)
}

// Close delivers the events that are queued, ends everything the client
// started and returns when nothing of it runs any more, but for calls of the
// application's own listeners, and calls of Config.HTTPClient that do not return:
// Stats.Abandoned counts those. From then on evaluations answer the fallback,
// with ReasonClientNotReady; what For and AllVariations returned before goes on
// answering. ctx bounds Close; without a deadline, delivery has 5 s. If ctx has
// been cancelled, nothing is delivered: in a program that ends by cancelling
// its context, close with context.WithoutCancel(ctx). The error is a
// *flush.Error if events were lost, or that of ctx if something still ran when
// it ended.
//
// Close works in any state. Only the first call does something; others wait for
// it, as long as their ctx allows, and return the same.
func (c *Client) Close(ctx context.Context) error {
	if c.unmade() {
		return nil
	}
	if c.closed.CompareAndSwap(false, true) {
		c.closeErr = c.close(ctx)
		close(c.closing)
		return c.closeErr
	}
	select {
	case <-c.closing:
		return c.closeErr
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *Client) close(ctx context.Context) error {
	c.store.close()
	c.stop()
	if c.onDemand != nil {
		c.run(ctx, func(context.Context) { c.onDemand.Close() })
	}
	err := c.closeEvents(ctx)
	defer c.requests.Close()
	for _, done := range c.running {
		select {
		case <-done:
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	}
	return err
}

// closeEvents delivers what is queued. A delivery of the middleware that is under
// way gets half of the time: its connection may have died while the process was
// frozen, and then its events are sent again over another one.
func (c *Client) closeEvents(ctx context.Context) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(closeTime)
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	half, stop := context.WithTimeout(ctx, time.Until(deadline)/2)
	defer stop()
	if ended := c.deliveries.Close(half); ended != nil {
		c.running = append(c.running, ended)
	}
	return c.events.Close(ctx)
}

// WriteSnapshot writes the client's data in the form that Config.Bootstrap takes.
// A program that embeds it has flags before it has a connection. WriteSnapshot
// returns ErrNotReady while there is no data, and after Close.
func (c *Client) WriteSnapshot(w io.Writer) error {
	v := c.current()
	if !v.serving {
		return ErrNotReady
	}
	_, err := w.Write(c.cfg.codec.AppendSnapshot(nil, v.snapshot))
	return err
}

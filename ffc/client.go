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
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Client evaluates the flags of one environment. Create it with New and share it:
// all methods may be called concurrently. Clients share no state. The zero Client
// and a nil one behave like a closed client.
type Client struct {
	cfg          settings
	log          *slog.Logger
	immediateLog *slog.Logger // for code that must not wait for the logger
	fallbacks    map[string]*eval.Variation
	// fallbackLog is nil with Config.QuietFallbacks.
	fallbackLog *fallbackLog
	requests    *httpclient.Pool
	// withoutSecret replaces an error of the transport that holds the secret.
	withoutSecret func(error) error

	view       atomic.Pointer[view]
	store      clientStore
	status     statusBoard
	events     *event.Processor
	deliveries afterwork.Requests // of the middleware
	session    transport.Session
	onDemand   transport.Refresher // the session, if it works on demand
	changes    mailboxes
	// Functions of the application, by name, that panicked or did not return.
	panicked, abandoned sync.Map

	stop    context.CancelFunc // ends the goroutines in the background
	running []<-chan struct{}  // each closed when its goroutine has ended

	closed   atomic.Bool   // set when Close begins
	closing  chan struct{} // closed when Close is done
	closeErr error
}

// closeTime is how long Close delivers events if its context has no deadline.
const closeTime = 5 * time.Second

// New returns a client. It fails only if the configuration is invalid, and
// reports all problems at once: the error joins one *ConfigError for each.
// Bootstrap and the transport's settings are checked once the other fields are
// valid. New does not fail when the platform is unreachable.
//
// New blocks until the client has the platform's data, the platform rejects the
// secret, Config.StartWait has passed or ctx ends, whichever comes first. After
// that the client keeps retrying: see Initialized, WaitReady and Status. Until
// the data arrives, evaluations use Config.Bootstrap. Without a Bootstrap they
// return the fallback with ReasonClientNotReady.
//
// ctx bounds only this wait. Close the client when it is no longer needed.
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
	c.log, c.immediateLog = safelog.New(logger)
	secret := s.EnvSecret
	c.withoutSecret = func(err error) error { return withoutSecret(err, secret) }
	if !cfg.QuietFallbacks {
		c.fallbackLog = newFallbackLog(c.immediateLog)
	}
	c.store.init(c)
	c.status.init(cfg.Offline)
	var errs configErrors
	errs.add("Bootstrap", c.store.bootstrap(cfg.Bootstrap))
	c.cfg.Bootstrap = nil // free the bytes: the store has the decoded data
	c.requests = httpclient.NewPool(cfg.HTTPClient, c.noteAbandoned)
	errs.add("Transport", c.open())
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	c.start()
	c.cfg.EnvSecret = "" // a client that is printed as part of another value must not show it
	c.awaitData(ctx)
	return c, nil
}

// Format implements fmt.Formatter. It prints only the client's state.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "ffc.Client(%s)", c.Status().State)
}

// unmade reports whether New did not create this Client: it is nil or zero. Its
// fields must not be used.
func (c *Client) unmade() bool { return c == nil || c.view.Load() == nil }

// over reports whether Close has begun, or the Client is unmade.
func (c *Client) over() bool { return c.unmade() || c.closed.Load() }

// current returns the view that evaluations read: an empty view for an unmade
// Client.
func (c *Client) current() *view {
	if c != nil {
		if v := c.view.Load(); v != nil {
			return v
		}
	}
	return &view{}
}

// open opens the transport's session.
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
	if _, runs := c.session.(transport.Runner); setting.Missing(c.session) || !runs && c.onDemand == nil {
		return fmt.Errorf("its Open method returned %T: expected a transport.Runner or a transport.Refresher", c.session)
	}
	if holder, ok := c.session.(transport.Holder); ok {
		c.store.holdFor(holder.HoldFor())
	}
	return nil
}

// start starts the goroutines in the background, if there are any.
func (c *Client) start() {
	events := c.cfg.Events
	events.Disabled = events.Disabled || c.cfg.Offline
	secret := c.cfg.EnvSecret
	var source func() transport.Source
	if sourced, ok := c.session.(transport.Sourced); ok {
		source = sourced.Source
	}
	c.events = event.New(events, event.Destination{
		Environment: c.cfg.environment,
		Abandoned:   c.noteAbandoned,
		Source:      source,
		URL:         c.cfg.eventsURL + c.cfg.codec.EventsPath,
		Secret:      func() string { return secret },
		Client:      c.requests.Client(),
		Logger:      c.log,
		Protocol:    c.cfg.codec.Protocol,
		OnDemand:    c.onDemand != nil,
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

// awaitData waits for the first data, at most for Config.StartWait.
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

// Refresh fetches new data if the transport works on demand and the data is
// stale. With other transports it returns nil at once. It blocks until the
// fetch has ended, for at most the Budget of the transport, or until ctx ends.
// It returns ErrClosed after Close. The error says why the data may be stale;
// the client keeps serving the cached data.
//
// With any transport, events that are recorded after Refresh has begun have the
// right time even if the process was frozen before.
func (c *Client) Refresh(ctx context.Context) error {
	if c.over() {
		return ErrClosed
	}
	c.events.ReadClock()
	if c.onDemand == nil {
		return nil
	}
	return c.guarded(ctx, c.onDemand.Refresh)
}

// guarded calls a method of the transport, which may be part of the application.
// It turns a panic into an error, because no panic of a transport must fail a
// unit of work.
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
// when the platform has accepted them. Otherwise it returns a *flush.Error, and
// events that can still be delivered stay queued for the next Flush. Flush blocks
// until the delivery is over or ctx ends. After Close it returns ErrClosed.
//
// When ctx ends, the request under way continues in the background, so that its
// events are not sent twice, and the next Flush waits for it. If the process is
// frozen between units of work, call ForceFlush instead.
func (c *Client) Flush(ctx context.Context) error {
	if c.over() {
		return ErrClosed
	}
	// A delivery of the middleware may be under way, and go first.
	defer c.deliveries.Count()()
	return c.events.Flush(ctx)
}

// ForceFlush is Flush for processes that are frozen between units of work, such as
// AWS Lambda. When ctx ends, it cuts the request under way. The platform may have
// stored the events of that request, and the next delivery sends them again. So, if
// ctx has a deadline, requests have only as many events as the platform is likely
// to store in half of the time left, and ForceFlush returns early when little time
// is left. OpenTelemetry's Lambda wrapper calls a method of this name.
func (c *Client) ForceFlush(ctx context.Context) error {
	if c.over() {
		return ErrClosed
	}
	defer c.deliveries.Count()()
	return c.flushWithin(ctx, 0)
}

// flushWithin is ForceFlush for the middleware. If within is above 0, it replaces
// the deadline of ctx for the size of requests.
func (c *Client) flushWithin(ctx context.Context, within time.Duration) error {
	if c.over() {
		return ErrClosed
	}
	return c.events.FlushWithin(ctx, within)
}

// Close delivers the queued events, stops all goroutines of the client and waits
// for their end. It does not wait for calls of the application's listeners, nor
// for calls of Config.HTTPClient that do not return; Stats.Abandoned counts the
// latter. After Close, evaluations return the fallback with
// ReasonClientNotReady. Flags and AllFlags that were returned before keep their
// data.
//
// ctx bounds Close; without a deadline, events are delivered for at most 5 s. If
// ctx has been cancelled, nothing is delivered: in a program that ends by
// cancelling its context, close with context.WithoutCancel(ctx). The error is a
// *flush.Error if events were dropped. It joins the error of ctx if goroutines
// still ran when ctx ended.
//
// Close works in any state. Only the first call closes the client. Other calls
// wait for the first one until their own ctx ends, and return the same error.
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

// closeEvents delivers the queued events. A delivery of the middleware that is
// under way gets half of the time: its connection may have died while the process
// was frozen. Its events are then sent again over another connection.
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

// WriteSnapshot writes the client's data as a snapshot for Config.Bootstrap. A
// program that embeds a snapshot has flags before it has a connection. Flags are
// sorted by key and segments by id, each as the platform sent it. WriteSnapshot
// returns ErrNotReady while the client has no data and after Close, or the error of
// w.
func (c *Client) WriteSnapshot(w io.Writer) error {
	whole, isWhole := w.(*platform.Whole)
	if isWhole && !c.unmade() {
		whole.Codec = c.cfg.codec
	}
	v := c.current()
	if !v.serving {
		return ErrNotReady
	}
	if isWhole {
		whole.Flags, whole.Segments, whole.Tags = v.snapshot.Items()
		return nil
	}
	_, err := w.Write(c.cfg.codec.AppendSnapshot(nil, v.snapshot))
	return err
}

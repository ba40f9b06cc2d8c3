// Package event queues events and delivers them to the platform: in the background,
// when Flush is called and when the processor is closed. The package flush holds
// the settings, errors and counts that applications see.
package event

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/pace"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// closeTime bounds Close when its context has no deadline.
const closeTime = 5 * time.Second

// Destination is where events go. The client sets all fields.
type Destination struct {
	// Environment names the environment, for flush.Batch. Abandoned is called with
	// the name of a function of the application that does not return. Both are for
	// flush.Config.Sink only.
	Environment string
	Abandoned   func(function string)

	URL      string
	Secret   func() string // a function, so that no verb prints it
	Client   *http.Client
	Logger   *slog.Logger
	Protocol *platform.Protocol
	OnDemand bool // the transport works on demand: by default there is no background delivery
	// Source returns the source of the data, for the header Ffc-Revision. It may
	// be nil.
	Source func() transport.Source
}

// Format implements fmt.Formatter: a destination prints as its host.
func (d Destination) Format(f fmt.State, _ rune) {
	host := "invalid URL"
	if u, err := url.Parse(d.URL); err == nil {
		host = u.Host
	}
	_, _ = fmt.Fprintf(f, "event.Destination(%s)", host)
}

// Processor queues the events of a client and delivers them. Its methods may be
// called concurrently.
type Processor struct {
	cfg     flush.Config
	to      Destination
	client  *http.Client
	header  func() http.Header // of requests; a function, so that no verb prints the secret
	guard   *httpclient.Guard  // calls flush.Config.Sink; nil without one
	private *platform.Private
	queue   *queue
	once    *once // nil: nothing is suppressed

	// turn is held by the flush that is under way.
	turn chan struct{}
	// ended is cancelled when the time of Close for that flush is over.
	ended   context.Context
	end     context.CancelCauseFunc
	closing atomic.Bool   // set first thing in Close
	closed  chan struct{} // closed last thing in Close

	bodies    sync.Pool // of *platform.Body, for encode
	isolation isolation // of the flush that has the turn
	pace      *pace.Pace

	mu     sync.Mutex // guards the rest
	total  tally
	told   losses // that a flush.Error has reported
	lostTo error  // why events were dropped last
	err    error  // why the last delivery kept or dropped events
	down   bool   // the last delivery kept events and none was accepted
	rest   int    // events that the last delivery left, as they do not fill a request
	health health // as last logged
	// The events dropped because of a full queue as last logged, and when.
	overflow   uint64
	overflowAt time.Time
	// At askedAt the platform asked to wait for askedFor.
	askedAt  time.Time
	askedFor time.Duration
	// Since pausedAt deliveries in the background pause for pausedFor, because the
	// platform rejected one.
	pausedAt  time.Time
	pausedFor time.Duration
	pauses    retry.Backoff
}

// health is how the last delivery went.
type health uint8

const (
	healthy  health = iota
	failing         // events were kept or dropped
	refusing        // the platform refuses the secret, or everything
)

// firstPause and maxPause bound how long deliveries in the background pause
// after the platform rejected one. The pause doubles with each further
// rejection.
const (
	firstPause = 2 * time.Second
	maxPause   = 10 * time.Minute
)

// Format implements fmt.Formatter: a processor prints the number of queued events.
func (p *Processor) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "event.Processor(%d queued)", p.Queued())
}

// New returns a processor for a valid configuration. It starts no goroutine.
func New(cfg flush.Config, to Destination) *Processor {
	cfg = withDefaults(cfg, to.OnDemand)
	p := &Processor{
		cfg:     cfg,
		to:      to,
		private: privateOf(&cfg),
		queue:   newQueue(cfg.Capacity, cfg.BatchSize),
		once:    newOnce(cfg.Once),
		pauses:  retry.Backoff{First: firstPause, Max: maxPause},
		pace:    pace.New(cfg.Requests, cfg.BatchSize, cfg.Timeout),
		turn:    make(chan struct{}, 1),
		closed:  make(chan struct{}),
	}
	p.client = httpclient.Attempts(to.Client, p.pace.Timeout)
	if cfg.Sink != nil {
		p.guard = httpclient.NewGuard(to.Abandoned)
	}
	p.bodies.New = func() any { return platform.NewBody(to.Protocol, p.private) }
	header := http.Header{
		"Content-Type": {to.Protocol.EventsType},
		"User-Agent":   {httpclient.UserAgent()},
	}
	if secret := to.Secret(); secret != "" {
		header.Set(to.Protocol.SecretHeader, secret)
	}
	p.header = func() http.Header {
		h := header.Clone()
		if to.Source != nil {
			if revision := to.Source().String(); revision != "" {
				h.Set("Ffc-Revision", revision)
			}
		}
		return h
	}
	p.ended, p.end = context.WithCancelCause(context.Background())
	return p
}

// withDefaults replaces zeros by defaults. That of Interval depends on onDemand.
func withDefaults(c flush.Config, onDemand bool) flush.Config {
	if c.Interval == 0 && !onDemand {
		c.Interval = 3 * time.Second
	}
	c.Capacity = cmp.Or(c.Capacity, 20_000)
	c.BatchSize = cmp.Or(c.BatchSize, 1000)
	c.Requests = cmp.Or(c.Requests, 4)
	c.Retries = max(cmp.Or(c.Retries, 2), 0)
	c.RetryWait = cmp.Or(c.RetryWait, 200*time.Millisecond)
	return c
}

func privateOf(cfg *flush.Config) *platform.Private {
	if cfg.AllAttributesPrivate {
		return platform.AllPrivate()
	}
	return platform.NewPrivate(cfg.PrivateAttributes)
}

// RecordEvaluation queues the result of an evaluation and, before it, those of
// the prerequisites. It does not block, do I/O or allocate; it keeps u and the
// flags, and may change the elements of prerequisites. If the queue is full, the
// events are dropped and counted.
func (p *Processor) RecordEvaluation(u *eval.User, prerequisites []eval.Result, own *eval.Result) {
	reason := own.Reason
	if p.cfg.Disabled {
		p.queue.count(reason)
		return
	}
	if len(p.cfg.OmitFlags) > 0 {
		n := 0
		prerequisites, own, n = without(prerequisites, own, omitted)
		if n > 0 {
			p.queue.omit(n)
		}
		if own == nil {
			p.queue.count(reason)
			return
		}
	}
	if p.once != nil {
		p.recordOnce(u, prerequisites, own, reason)
		return
	}
	p.queue.record(u, nil, results{prerequisites, own}, reason)
}

// recordOnce records the results that were not reported within flush.Config.Once.
func (p *Processor) recordOnce(u *eval.User, prerequisites []eval.Result, own *eval.Result, reason eval.Reason) {
	now := p.queue.stamps.now().unixMilli
	prerequisites, own, n := without(prerequisites, own, func(r eval.Result) bool { return p.once.suppress(u.Key, &r, now) })
	if n > 0 {
		p.queue.deduplicate(n)
	}
	if own == nil {
		p.queue.count(reason)
		return
	}
	if p.queue.record(u, nil, results{prerequisites, own}, reason) {
		return
	}
	for i := range prerequisites {
		r := &prerequisites[i]
		p.once.forget(u.Key, r.Flag, r.Variation, r.Experiment)
	}
	p.once.forget(u.Key, own.Flag, own.Variation, own.Experiment)
}

// without removes results and returns how many they are. The last result that is
// left is own; nil if none is left. It reuses the memory of prerequisites.
func without(prerequisites []eval.Result, own *eval.Result, remove func(eval.Result) bool) (kept []eval.Result, last *eval.Result, n int) {
	kept = slices.DeleteFunc(prerequisites, remove)
	n = len(prerequisites) - len(kept)
	if !remove(*own) {
		return kept, own, n
	}
	n++
	if end := len(kept) - 1; end >= 0 {
		return kept[:end], &kept[end], n
	}
	return nil, nil, n
}

func omitted(r eval.Result) bool { return r.Flag.Omitted && !r.Experiment }

// RecordFallback counts an evaluation that returned its fallback, for this
// reason. It queues no event.
func (p *Processor) RecordFallback(why eval.Reason) { p.queue.count(why) }

// Evaluations returns the number of evaluations by reason.
func (p *Processor) Evaluations() Evaluations { return p.queue.evaluations() }

// RecordMetric queues a metric. It is like RecordEvaluation, but allocates.
func (p *Processor) RecordMetric(u *eval.User, name string, value float64) {
	if p.cfg.Disabled {
		return
	}
	p.queue.record(u, &metric{name: name, value: value}, results{}, eval.ReasonNone)
}

// ReadClock must be called when a unit of work begins: the process may have been
// frozen, and the monotonic clock, which times events, may not count the freeze.
func (p *Processor) ReadClock() { p.queue.stamps.compare() }

// Background reports whether events are delivered in the background. Only then may
// Run be called.
func (p *Processor) Background() bool { return p.cfg.Interval > 0 && !p.cfg.Disabled }

// Run delivers events until ctx ends: all events at the configured interval, and full
// requests as soon as there are enough events, unless the platform accepted nothing
// in the last delivery. After the platform rejected a delivery, Run pauses, longer
// each time. It does not cut a delivery that is under way when ctx ends: its events
// might arrive twice.
func (p *Processor) Run(ctx context.Context) {
	ticker := time.NewTicker(p.cfg.Interval)
	defer ticker.Stop()
	for {
		by := background
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-p.queue.wake:
			if !p.enough() {
				continue
			}
			by = filled
		}
		// Failures are logged and counted; retained events stay queued.
		_ = p.flush(context.WithoutCancel(ctx), by, time.Time{})
	}
}

// enough reports whether there are enough events for a delivery before the interval
// ends. Events that the platform did not accept do not count.
func (p *Processor) enough() bool {
	p.mu.Lock()
	rest, down := p.rest, p.down
	p.mu.Unlock()
	return !down && p.queue.enough(rest)
}

// mode is how a flush began.
type mode uint8

const (
	called     mode = iota // by Flush: the request under way goes on when ctx ends
	cutting                // by FlushWithin
	background             // by Run at the interval: it pauses, and does not count its losses as reported
	filled                 // by Run, which has enough events for a request: background, but for full requests only
	closing                // by Close: if the platform asked to wait, it waits
)

// inRun reports whether Run began the flush.
func (m mode) inRun() bool { return m == background || m == filled }

// Flush delivers the events recorded before the call. It returns nil if all of them
// have arrived, and no event has been dropped since the last *flush.Error.
// Otherwise it returns a *flush.Error, and events that can be retried stay queued.
// Flush blocks until then or until ctx ends. If the platform asked to wait, Flush
// does not wait but returns that as an error.
//
// When ctx ends, the request under way continues, because the platform stores its
// events anyway, and its response counts. No other request begins, and the next
// flush waits for that response.
//
// Only one flush runs at a time. The result of a flush that waited for another one
// includes the events of both.
func (p *Processor) Flush(ctx context.Context) error {
	return p.flush(ctx, called, time.Time{})
}

// FlushWithin is Flush for processes that may be frozen when ctx ends: then it
// cuts the request under way. As the platform may store the events of a cut request,
// which are sent again, requests have only as many events as the platform is likely
// to store in half of the time until the deadline of ctx, or until the end of within
// if that is above 0. If too little time is left for another request, FlushWithin
// returns early.
func (p *Processor) FlushWithin(ctx context.Context, within time.Duration) error {
	until, _ := ctx.Deadline()
	if within > 0 {
		until = time.Now().Add(within)
	}
	return p.flush(ctx, cutting, until)
}

// flush delivers. Requests should have their response at the time until, if that is
// not zero.
func (p *Processor) flush(ctx context.Context, by mode, until time.Time) error {
	before := p.totals()
	kept, cause := p.deliver(ctx, by, until)
	p.logOverflow()
	return p.result(before, kept, cause, by)
}

// deliver sends the queued events. It returns how many stay queued, and why.
func (p *Processor) deliver(ctx context.Context, by mode, until time.Time) (kept int, cause error) {
	if err := p.takeTurn(ctx); err != nil {
		return p.queue.queued(), err
	}
	if by != called || ctx.Done() == nil {
		defer p.endTurn()
		return p.send(ctx, by, until)
	}
	type result struct {
		kept  int
		cause error
	}
	sent := make(chan result, 1)
	go func() {
		kept, cause := p.send(httpclient.Detach(ctx, p.ended), by, until)
		p.endTurn()
		sent <- result{kept, cause}
	}()
	select {
	case r := <-sent:
		return r.kept, r.cause
	case <-ctx.Done():
		return p.queue.queued(), context.Cause(ctx)
	}
}

// send is deliver for the flush that has the turn.
func (p *Processor) send(ctx context.Context, by mode, until time.Time) (kept int, cause error) {
	if err := p.barred(ctx, by); err != nil {
		return p.queue.queued(), err
	}
	backlog := p.queue.take()
	if len(backlog) == 0 {
		return 0, nil
	}
	if ended := cmp.Or(context.Cause(ctx), context.Cause(p.ended)); ended != nil {
		return len(backlog), ended
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(p.ended, func() { cancel(context.Cause(p.ended)) })
	defer stop()

	d := delivery{p: p, ctx: ctx, by: by, until: until, lanes: p.cfg.Requests}
	d.run(backlog)
	return p.conclude(&d), d.reason()
}

// takeTurn waits for other flushes to end. It takes a free turn even if ctx has
// ended, because the queue may be empty.
func (p *Processor) takeTurn(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *Processor) endTurn() { <-p.turn }

// barred returns why no request may be sent now, or nil.
func (p *Processor) barred(ctx context.Context, by mode) error {
	p.mu.Lock()
	wait, pause, cause := p.askedFor-clock.Age(p.askedAt), p.pausedFor-clock.Age(p.pausedAt), p.err
	p.mu.Unlock()
	switch {
	case wait > 0 && (by != closing || !retry.Wait(ctx, wait)):
		err := fmt.Errorf("%s asked to wait %v more", p.receiver(), wait.Round(time.Millisecond))
		if cause != nil {
			err = fmt.Errorf("%w: %w", err, cause)
		}
		return err
	case by.inRun() && pause > 0:
		return cause
	}
	return nil
}

// totals are the totals before a flush.
type totals struct {
	delivered uint64
	told      losses
}

// losses counts dropped events: those that deliveries dropped, and those that were
// never queued.
type losses struct{ given, missed uint64 }

func (l losses) since(told losses) losses {
	return losses{l.given - told.given, l.missed - told.missed}
}

func (p *Processor) totals() totals {
	p.mu.Lock()
	defer p.mu.Unlock()
	return totals{delivered: p.total.delivered, told: p.told}
}

// result returns the error of a flush that began with the totals before. The totals
// include what other flushes did with its events.
func (p *Processor) result(before totals, kept int, cause error, by mode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, queued, lost := p.queue.counts()
	kept = min(kept, int(queued)) // Close may have dropped some since
	// Events recorded after Close are no losses: no flush can report them.
	dropped := losses{given: p.total.dropped, missed: lost[lossFull]}
	news := dropped.since(before.told)
	e := &flush.Error{
		Delivered: int(p.total.delivered - before.delivered),
		Retained:  kept,
		Dropped:   int(news.given + news.missed),
		Cause:     cause,
	}
	if e.Retained == 0 && e.Dropped == 0 {
		return nil
	}
	if e.Cause == nil && news.given > 0 {
		e.Cause = p.lostTo
	}
	if e.Cause == nil {
		e.Cause = flush.ErrQueueFull
	}
	if !by.inRun() {
		p.told.given = max(p.told.given, dropped.given)
		p.told.missed = max(p.told.missed, dropped.missed)
	}
	return e
}

// logOverflow logs events that were dropped because of a full queue, at most once a
// minute.
func (p *Processor) logOverflow() {
	_, _, lost := p.queue.counts()
	p.mu.Lock()
	more := lost[lossFull] - p.overflow
	if more == 0 || p.overflow > 0 && clock.Age(p.overflowAt) < time.Minute {
		p.mu.Unlock()
		return
	}
	p.overflow, p.overflowAt = lost[lossFull], time.Now()
	p.mu.Unlock()
	p.to.Logger.Warn("ffc: events were dropped, as the queue was full", "dropped", more, "capacity", p.cfg.Capacity)
}

// conclude ends a delivery and returns how many events stay queued.
func (p *Processor) conclude(d *delivery) (kept int) {
	kept = p.queue.tidy()
	now := healthy
	switch {
	case d.refused:
		now = refusing
	case kept > 0 && d.cause != nil || d.dropped > 0:
		now = failing
	}

	p.mu.Lock()
	p.err, p.down, p.rest = nil, kept > 0 && d.accepted == 0, 0
	if d.cause == nil {
		p.rest = kept
	}
	if now != healthy {
		p.err = d.reason()
	}
	p.askedAt, p.askedFor = time.Now(), d.waitFor
	if d.accepted > 0 || now == healthy {
		p.pauses.Reset()
	}
	p.pausedAt, p.pausedFor = p.askedAt, 0
	if d.refused && p.Background() {
		p.pausedFor = p.pauses.Next(0)
	}
	news, pause := now != p.health, max(p.pausedFor, p.askedFor)
	p.health = now
	p.mu.Unlock()

	if p.enough() {
		p.queue.notify()
	}
	switch {
	case !news:
	case now == refusing:
		p.to.Logger.Error("ffc: the platform refuses events; they stay queued until it accepts them again",
			"queued", kept, "retry_in", pause.Round(time.Millisecond), "error", d.cause)
	case now == failing:
		p.to.Logger.Warn("ffc: events could not be delivered",
			"delivered", d.delivered, "queued", kept, "dropped", d.dropped, "error", d.cause)
	default:
		p.to.Logger.Info("ffc: events are being delivered again")
	}
	return kept
}

// Close delivers the queued events, within ctx or 5 s if ctx has no deadline, and
// drops the rest. Events recorded from now on are dropped. Close returns a
// *flush.Error if events were dropped. Further calls wait for the first, until their
// ctx ends, and return nil.
func (p *Processor) Close(ctx context.Context) error {
	if !p.closing.CompareAndSwap(false, true) {
		select {
		case <-p.closed:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	defer close(p.closed)
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, closeTime)
		defer cancel()
	}
	p.queue.shut(lossClosed)
	// A flush that is under way may have more time than this ctx.
	stop := context.AfterFunc(ctx, func() { p.end(fmt.Errorf("%w: %w", flush.ErrClosed, context.Cause(ctx))) })
	defer stop()
	before := p.totals()
	until, _ := ctx.Deadline()
	var failed *flush.Error
	for more := true; more; { // another delivery may accept more events
		last, ok := errors.AsType[*flush.Error](p.flush(ctx, closing, until))
		if more = ok && last.Retained > 0 && last.Delivered > 0; ok {
			failed = last
		}
	}
	if failed == nil {
		return nil
	}
	p.turn <- struct{}{} // short: if ctx has ended, the flush that holds it ends too
	defer p.endTurn()
	if n := p.drop(failed.Cause); n > 0 {
		p.to.Logger.Warn("ffc: events were lost on closing", "dropped", n, "error", failed.Cause)
	}
	return p.result(before, 0, failed.Cause, closing)
}

// drop drops the events that are still queued and returns how many there were.
func (p *Processor) drop(cause error) uint64 {
	backlog := p.queue.take()
	events := make([]*waiting, len(backlog))
	for i := range backlog {
		events[i] = &backlog[i]
	}
	n := uint64(len(events))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue.settle(events)
	p.queue.tidy()
	if n > 0 {
		p.total.dropped += n
		p.total.lost[lossClosed] += n
		p.lostTo = fmt.Errorf("%w: %w", flush.ErrClosed, cause)
	}
	return n
}

// receiver names what receives events, in errors.
func (p *Processor) receiver() string {
	if p.guard != nil {
		return "Events.Sink"
	}
	return "the platform"
}

// Abandoned returns how many calls of flush.Config.Sink have been abandoned and have
// not returned yet.
func (p *Processor) Abandoned() int {
	if p.guard == nil {
		return 0
	}
	return p.guard.Abandoned()
}

// Queued returns how many events are queued.
func (p *Processor) Queued() int { return p.queue.queued() }

// Capacity returns how many events can be queued.
func (p *Processor) Capacity() int { return p.cfg.Capacity }

// Stats returns the counts so far.
func (p *Processor) Stats() flush.Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	recorded, queued, lost := p.queue.counts()
	for why, n := range p.total.lost {
		lost[why] += n
	}
	s := flush.Stats{
		Recorded:  recorded,
		Delivered: p.total.delivered,
		Queued:    queued,
		Dropped: flush.Dropped{
			QueueFull: lost[lossFull],
			Rejected:  lost[lossRejected],
			TooLarge:  lost[lossTooLarge],
			Closed:    lost[lossClosed],
		},
		Deduplicated: lost[duplicate],
		Omitted:      p.queue.omitted(),
		Resent:       p.total.resent,
		Requests:     p.total.requests,
		Err:          p.err,
	}
	if wait := max(p.askedFor-clock.Age(p.askedAt), p.pausedFor-clock.Age(p.pausedAt)); wait > 0 {
		s.PausedUntil = time.Now().Add(wait)
	}
	return s
}

package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/pace"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
)

const (
	// maxRequests is how many requests of an environment are sent at the same time.
	maxRequests = 2
	// maxVain bounds the requests for one batch that the platform rejects, because of
	// their size or of an event in them.
	maxVain = 64
	// maxInVain is how many requests in a row may be rejected, or too large, until that
	// is no matter of their events.
	maxInVain = 32
	// minJoined is the smallest limit for requests that several bodies are joined to.
	minJoined = 16 << 10
)

// parcel is a batch that is being delivered.
type parcel struct {
	batch  flush.Batch
	finish func(*parcel) // called once, when nothing of it is under way

	// Of job.mu, until finish is called.
	open      int    // parts that are not finished
	vain      int    // requests for it alone that were rejected
	begun     bool   // there was a request with some of its events
	delivered bool   // some of its events are delivered, or dead letters
	left      []item // the others
	err       error  // why

	// over reports whether the queue has given the batch to another taker by now. nil is
	// never.
	over func() bool
}

// job delivers parcels of one environment.
type job struct {
	ctx     context.Context
	o       *outlet
	drops   bool // what is too old, without dead letters
	workers sync.WaitGroup

	mu      sync.Mutex
	todo    []*part
	running int
}

// Why a batch is a dead letter.
var (
	errTooOld      = fmt.Errorf("older than %v", maxBatchAge)
	errRoute       = errors.New("the route is not that of a platform's events: another program wrote the batch")
	errNotAccepted = errors.New("too large for the platform (413)")
)

// errOver is why a batch is not sent that another taker has by now.
var errOver = errors.New("relay: the time of the batch is over: another forwarder delivers it")

// add adds a parcel. work has to be called afterwards.
func (j *job) add(p *parcel) {
	items, err := itemsOf(p.batch.Body)
	whole := newPart(p, items, false)
	switch {
	case err != nil:
		whole.dead = err
	case len(items) == 0:
		p.finish(p)
		return
	case protocolOf(p.batch.Route) == nil:
		whole.dead = errRoute
	case age(&p.batch) > maxBatchAge:
		whole.dead = errTooOld
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	p.open = 1
	j.todo = append(j.todo, whole)
}

// protocolOf returns the platform that a route of events belongs to, or nil. The
// address of a request must not depend on what else a queue may contain.
func protocolOf(route string) *platform.Protocol {
	for _, p := range registry.All() {
		if p.EventsPath == route {
			return p
		}
	}
	return nil
}

// work starts workers.
func (j *job) work() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.running < min(maxRequests, len(j.todo)) {
		j.running++
		j.workers.Go(j.worker)
	}
}

// worker sends requests until there is nothing to do.
func (j *job) worker() {
	for {
		err := j.o.pace.Begin(j.ctx, false)
		begun := err == nil
		parts := j.next()
		none := len(parts) == 0
		parts = slices.DeleteFunc(parts, j.over)
		if err == nil {
			err = context.Cause(j.ctx)
		}
		if left, why := j.o.paused(); err == nil && left > 0 {
			err = fmt.Errorf("relay: the environment gets no requests for %v more: %w", left.Round(time.Second), why)
		}
		switch {
		case len(parts) == 0:
		case err != nil:
			j.giveUp(parts, err)
		case parts[0].dead != nil:
			j.bury(parts[0], parts[0].dead)
		default:
			j.deliver(parts)
		}
		if begun {
			j.o.pace.End()
		}
		if none {
			return
		}
	}
}

// next returns the parts for the next request. If there are none, the worker ends.
func (j *job) next() (parts []*part) {
	room := min(j.o.pace.Next(pace.Unbounded, maxRequests), maxJoinedEvents)
	size, probe := j.o.joinedSize()
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.todo) == 0 {
		j.running--
		return nil
	}
	if probe {
		// A batch of bad events looks like a platform that rejects everything. Any other
		// batch shows the difference.
		i := rand.IntN(len(j.todo))
		j.todo[0], j.todo[i] = j.todo[i], j.todo[0]
	}
	for j.todo[0].dead == nil && j.todo[0].events > room { // the platform is slow
		first, second, ok := j.todo[0].halves()
		if !ok {
			break
		}
		first.of.open++
		j.todo = append([]*part{first, second}, j.todo[1:]...)
	}
	events, bytes := 0, 0
	for len(j.todo) > 0 {
		p := j.todo[0]
		if len(parts) > 0 && (probe || p.alone || parts[0].alone || p.dead != nil || parts[0].dead != nil ||
			p.of.batch.Route != parts[0].of.batch.Route || events+p.events > room || bytes+p.size > size) {
			break
		}
		events += p.events
		bytes += p.size
		parts = append(parts, p)
		j.todo = j.todo[1:]
	}
	return parts
}

// over gives a part up whose batch another taker has by now, unless requests with it
// have begun.
func (j *job) over(p *part) bool {
	over := p.of.over != nil && p.of.over()
	j.mu.Lock()
	over = over && !p.of.begun
	p.of.begun = p.of.begun || !over
	j.mu.Unlock()
	if over {
		j.finish(p, errOver)
	}
	return over
}

// deliver sends parts in one request.
func (j *job) deliver(parts []*part) {
	result, err := j.o.post(j.ctx, parts)
	switch {
	case result == accepted:
		for _, p := range parts {
			j.o.f.counts.forwarded.Add(uint64(p.events))
			j.finish(p, nil)
		}
	case result == again || result == refused:
		j.giveUp(parts, err)
	case len(parts) > 1:
		for _, p := range parts {
			p.alone = true
		}
		j.putFirst(parts...)
	default:
		j.narrow(parts[0], err)
	}
}

// narrow sends a part that was rejected in halves, or makes it a dead letter.
func (j *job) narrow(p *part, why error) {
	j.mu.Lock()
	p.of.vain++
	first, second, ok := p.halves()
	if ok = ok && p.of.vain < maxVain; ok {
		p.of.open++
	}
	j.mu.Unlock()
	if ok {
		j.putFirst(first, second)
		return
	}
	j.bury(p, why)
}

// putFirst adds parts that are sent before others.
func (j *job) putFirst(parts ...*part) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.todo = append(parts[:len(parts):len(parts)], j.todo...)
}

// bury makes a part a dead letter.
func (j *job) bury(p *part, why error) {
	f, events := j.o.f, uint64(max(p.events, 1))
	switch {
	case f.DeadLetters != nil:
		body := p.of.batch.Body
		if p.items != nil {
			body = bodyOf([]*part{p})
		}
		ctx, cancel := context.WithTimeout(j.ctx, callTimeout)
		defer cancel()
		err := contained("the engine of dead letters", func() error {
			return f.DeadLetters.add(ctx, &p.of.batch, body, int(events), why)
		})
		if err != nil {
			j.o.f.log.Warn("ffc: events that cannot be delivered cannot be kept either; they stay in the queue",
				"environment", safelog.Quote(j.o.environment), "reason", why, "error", err)
			j.finish(p, fmt.Errorf("%w, and not kept as a dead letter: %w: %w", ErrDead, why, err))
			return
		}
		f.counts.dead.Add(events)
		j.o.f.log.Warn("ffc: events are dead letters now, as they cannot be delivered",
			"environment", safelog.Quote(j.o.environment), "events", events, "reason", why)
		j.finish(p, nil)
	case j.drops && errors.Is(why, errTooOld):
		f.counts.dropped.Add(events)
		j.o.f.log.Warn("ffc: events were dropped, as they are too old", "environment", safelog.Quote(j.o.environment), "events", events)
		j.finish(p, nil)
	default:
		j.finish(p, fmt.Errorf("%w: %w", ErrDead, why))
	}
}

// giveUp leaves parts undelivered.
func (j *job) giveUp(parts []*part, err error) {
	for _, p := range parts {
		j.finish(p, err)
	}
}

// finish records what became of a part; nil is delivered, or a dead letter.
func (j *job) finish(p *part, err error) {
	j.mu.Lock()
	of := p.of
	if err == nil {
		of.delivered = true
	} else {
		of.left = append(of.left, p.items...)
		if of.err == nil {
			of.err = err
		}
	}
	of.open--
	last := of.open == 0
	j.mu.Unlock()
	if last {
		of.finish(of)
	}
}

// outlet is the way to the platform of one environment.
type outlet struct {
	f           *Forwarder
	environment string
	pace        *pace.Pace

	mu     sync.Mutex
	to     Destination
	base   *url.URL // nil: EventsURL is invalid
	client *http.Client
	joined int // limit in bytes for requests that several bodies are joined to
	// Since pausedAt no requests are sent for pausedFor, because of err.
	pausedAt            time.Time
	pausedFor           time.Duration
	err                 error
	failures, rejection retry.Backoff
	inVain              int // requests in a row that were rejected or too large
}

func newOutlet(f *Forwarder, environment string) *outlet {
	return &outlet{
		f: f, environment: environment, pace: pace.New(maxRequests, maxJoinedEvents, 0), joined: maxJoined,
		failures:  retry.Backoff{First: 2 * time.Second, Max: maxPause},
		rejection: retry.Backoff{First: 20 * time.Second, Max: maxPause},
	}
}

// set sets the destination. If it has changed, the environment does not pause.
func (o *outlet) set(d Destination) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != nil && d == o.to {
		return
	}
	if o.client == nil || d.HTTPClient != o.to.HTTPClient {
		pool := o.f.pool
		if d.HTTPClient != nil {
			pool = httpclient.NewPool(d.HTTPClient, nil)
		}
		o.client = httpclient.Attempts(pool.Client(), o.pace.Timeout)
	}
	o.to, o.base, o.pausedFor = d, nil, 0
	if u, err := url.Parse(d.EventsURL); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && u.Fragment == "" {
		u.Path = strings.TrimRight(u.Path, "/")
		o.base = u
	}
}

// paused returns for how long no requests are sent, and why.
func (o *outlet) paused() (time.Duration, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return max(o.pausedFor-clock.Age(o.pausedAt), 0), o.err
}

// joinedSize returns the limit in bytes for requests that several bodies are joined to,
// and whether none must be joined, because the platform seems to reject everything.
func (o *outlet) joinedSize() (size int, probe bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.joined, o.inVain > maxInVain
}

// verdict is what a response means for the events of a request.
type verdict uint8

const (
	accepted verdict = iota
	again            // the platform is unavailable
	tooLarge         // 413
	rejected         // an event may be the reason
	refused          // no request is accepted
)

func verdictOf(status int, asked bool) verdict {
	switch {
	case status >= 200 && status < 300:
		return accepted
	case asked || retry.Classify(status) == retry.Transient:
		return again
	case status == http.StatusRequestEntityTooLarge:
		return tooLarge
	case status == http.StatusBadRequest || status == http.StatusUnprocessableEntity:
		return rejected
	}
	return refused
}

var errURL = errors.New("relay: Destination.EventsURL is invalid: expected http(s)://host[/prefix]")

// post sends parts in a request, with retries. If that fails for a reason that is
// not in the parts, the environment pauses.
func (o *outlet) post(ctx context.Context, parts []*part) (verdict, error) {
	o.mu.Lock()
	to, base, client := o.to, o.base, o.client
	o.mu.Unlock()
	if base == nil {
		o.pause(to, refused, 0, errURL)
		return refused, errURL
	}
	batch := &parts[0].of.batch
	protocol := protocolOf(batch.Route)
	address := *base
	address.Path += protocol.EventsPath
	body := bodyOf(parts)
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, address.String(), body)
	if err != nil {
		o.pause(to, refused, 0, errURL)
		return refused, errURL
	}
	req.Header.Set("Content-Type", protocol.EventsType)
	req.Header.Set("User-Agent", httpclient.UserAgent())
	req.Header.Set(protocol.SecretHeader, to.EnvSecret)
	events := 0
	for _, p := range parts {
		events += p.events
	}
	var (
		began time.Time
		conn  retry.ConnTrace
		lost  bool // events may have arrived without a response
	)
	loop := retry.Loop{
		Conn: &conn, Client: client, Retries: 2, Wait: 500 * time.Millisecond, MaxWait: grace,
		// After a timeout requests are smaller. The same one would only arrive again.
		Stop: func() bool { return time.Since(began) > o.pace.Timeout() },
		OnTry: func(previous error) {
			began = time.Now()
			lost = lost || previous != nil && !retry.Unsent(previous)
			o.f.counts.requests.Add(1)
			if lost {
				o.f.counts.resent.Add(uint64(events))
			}
		},
	}
	resp, err := loop.Do(req)
	took := time.Since(conn.Began(began))
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			o.pace.TimedOut(events)
		}
		if ended := context.Cause(ctx); ended != nil {
			return again, ended
		}
		o.pause(to, again, 0, err)
		return again, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	_ = resp.Body.Close()
	wait, asked := retry.After(resp.Header, time.Now())
	result := verdictOf(resp.StatusCode, asked)
	if took < o.pace.Timeout() { // else the process was frozen
		o.pace.Answered(took)
		if result == accepted {
			o.pace.Accepted(events, took)
		}
	}
	if result == accepted {
		o.resume()
		return accepted, nil
	}
	err = fmt.Errorf("%s responded with %d %s", base.Host, resp.StatusCode, http.StatusText(resp.StatusCode))
	if (result == rejected || result == tooLarge) && o.vain() {
		result = refused
	}
	switch result {
	case tooLarge:
		o.mu.Lock()
		o.joined = max(min(o.joined, len(body)/2), minJoined)
		o.mu.Unlock()
		err = fmt.Errorf("%w: %w", errNotAccepted, err)
	case rejected:
		err = fmt.Errorf("%w: %w", flush.ErrRejected, err)
	case refused:
		if retry.Classify(resp.StatusCode) == retry.Refused {
			err = fmt.Errorf("%w: %w", err, flush.ErrRefused)
		}
		fallthrough
	default:
		o.pause(to, result, wait, err)
	}
	return result, err
}

// vain counts a request that was rejected or too large, and reports whether the
// platform seems to reject every request.
func (o *outlet) vain() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.inVain++
	return o.inVain > maxInVain
}

// pause makes the environment pause after a request to a destination, and logs if it
// did not.
func (o *outlet) pause(to Destination, result verdict, wait time.Duration, err error) {
	o.mu.Lock()
	if o.to != to || // the destination has changed meanwhile
		o.pausedFor-clock.Age(o.pausedAt) > wait { // because of another request
		o.mu.Unlock()
		return
	}
	backoff := &o.failures
	if result == refused {
		backoff = &o.rejection
	}
	first := o.err == nil
	o.pausedAt, o.pausedFor, o.err = time.Now(), min(max(backoff.Next(0), retry.Lengthen(wait, retry.Jitter)), maxPause), err
	pause := o.pausedFor
	o.mu.Unlock()
	switch {
	case !first:
	case result == refused:
		o.f.log.Error("ffc: the platform refuses the events of an environment; they stay in the queue",
			"environment", safelog.Quote(o.environment), "retry_in", pause.Round(time.Millisecond), "error", err)
	default:
		o.f.log.Warn("ffc: events of an environment cannot be delivered; they stay in the queue",
			"environment", safelog.Quote(o.environment), "retry_in", pause.Round(time.Millisecond), "error", err)
	}
}

// resume ends pauses after the platform has accepted a request.
func (o *outlet) resume() {
	o.mu.Lock()
	before := o.err
	o.err, o.pausedFor, o.inVain = nil, 0, 0
	o.failures.Reset()
	o.rejection.Reset()
	o.mu.Unlock()
	if before != nil {
		o.f.log.Info("ffc: events of an environment are delivered again", "environment", safelog.Quote(o.environment))
	}
}

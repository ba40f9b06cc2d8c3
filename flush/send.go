package flush

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/wire"
)

const (
	// maxBody is the size at which a request is closed although it could take
	// more events.
	maxBody = 512 << 10
	// maxEvent is the size from which on an event is not sent. Proxies before a
	// platform tend to refuse larger bodies, and one attribute that was never
	// meant to be sent must not sink a batch.
	maxEvent = 1 << 20
)

var errTooLarge = fmt.Errorf("an event is larger than %d bytes: make large attributes of users private, or leave them out", maxEvent)

// delivery is one flush under way.
type delivery struct {
	p       *Processor
	ctx     context.Context
	stop    atomic.Bool // the platform wants no more requests for now
	mu      sync.Mutex  // guards the rest
	tally   tally
	cause   error
	waitFor time.Duration // Retry-After
	refused bool
}

// tally counts what deliveries did.
type tally struct {
	delivered, dropped uint64
	resent, requests   uint64
	lost               [lossKinds]uint64 // dropped, by reason
}

func (t *tally) add(other *tally) {
	t.delivered += other.delivered
	t.dropped += other.dropped
	t.resent += other.resent
	t.requests += other.requests
	for why, n := range other.lost {
		t.lost[why] += n
	}
}

// run sends the events in lanes: requests of different lanes are under way at
// the same time, and all events of one user go through the same lane, so that
// they keep their order.
func (d *delivery) run(events []*event) {
	lanes := min(d.p.cfg.Requests, (len(events)+d.p.cfg.BatchSize-1)/d.p.cfg.BatchSize)
	if lanes <= 1 {
		d.lane(events)
		return
	}
	var wg sync.WaitGroup
	for _, lane := range lanesOf(events, lanes) {
		wg.Go(func() { d.lane(lane) })
	}
	wg.Wait()
}

func lanesOf(events []*event, n int) [][]*event {
	seed := maphash.MakeSeed()
	lanes := make([][]*event, n)
	for _, e := range events {
		i := maphash.String(seed, e.user.Key) % uint64(n)
		lanes[i] = append(lanes[i], e)
	}
	return lanes
}

// lane sends events one request after the other and stops at the first that
// must be kept, because what follows must not overtake it.
func (d *delivery) lane(events []*event) {
	// After a 413 requests are smaller, for the rest of the delivery. If one
	// event turns out to be to blame, they may grow again.
	size, most := d.p.cfg.BatchSize, d.p.cfg.BatchSize
	for len(events) > 0 && !d.stop.Load() {
		body, n := d.p.encode(events, size)
		if n == 0 {
			d.note(errTooLarge, 0)
			d.settle(events[:1], lossTooLarge)
			events = events[1:]
			continue
		}
		switch d.request(body, events[:n]) {
		case delivered:
			d.settle(events[:n], lossNone)
			size = min(2*size, most)
		case split:
			if n > 1 {
				size, most = n/2, n/2
				continue
			}
			d.settle(events[:n], lossTooLarge)
			most = d.p.cfg.BatchSize
		case rejected:
			d.settle(events[:n], lossRejected)
		case retained, refused:
			return
		}
		events = events[n:]
	}
}

// settle marks events as done with.
func (d *delivery) settle(events []*event, why loss) {
	for _, e := range events {
		e.settled = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if why == lossNone {
		d.tally.delivered += uint64(len(events))
		return
	}
	d.tally.dropped += uint64(len(events))
	d.tally.lost[why] += uint64(len(events))
}

// request posts a body and says what became of its events.
func (d *delivery) request(body []byte, events []*event) outcome {
	resp, err := d.post(body, events)
	if err != nil {
		d.note(err, 0)
		return retained
	}
	// Reading to the end lets the connection be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	_ = resp.Body.Close()
	result := outcomeOf(resp.StatusCode)
	if result == delivered || result == split && len(events) > 1 {
		return result
	}
	wait, _ := retry.After(resp.Header, time.Now())
	if result == refused || result == retained && wait > 0 {
		d.stop.Store(true)
	}
	d.note(d.statusError(resp), wait)
	return result
}

// statusError describes an answer. It takes nothing from resp that a
// RoundTripper of the application's might leave out.
func (d *delivery) statusError(resp *http.Response) error {
	address := "the platform"
	if u, err := url.Parse(d.p.to.URL); err == nil {
		address = u.Redacted()
	}
	err := fmt.Errorf("%s answered %d %s", address, resp.StatusCode, http.StatusText(resp.StatusCode))
	switch {
	case outcomeOf(resp.StatusCode) == refused:
		return fmt.Errorf("%w: %w", err, ErrRefused)
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return fmt.Errorf("%w: redirects are not followed, so EventsURL has to name the final address", err)
	}
	return err
}

// note remembers why something was not delivered: the refusal if there is one,
// else what came first.
func (d *delivery) note(err error, wait time.Duration) {
	if ended := context.Cause(d.ctx); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w, after %w", ended, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	refusal := errors.Is(err, ErrRefused)
	if d.cause == nil || refusal && !d.refused {
		d.cause = err
	}
	d.waitFor = max(d.waitFor, wait)
	d.refused = d.refused || refusal
}

// post sends a request, several times if need be. It remembers which events
// may have arrived although no answer said so.
func (d *delivery) post(body []byte, events []*event) (*http.Response, error) {
	req, err := retryablehttp.NewRequestWithContext(d.ctx, http.MethodPost, d.p.to.URL, body)
	if err != nil {
		return nil, err
	}
	req.Header = d.p.header.Clone()
	unsure := 0
	for _, e := range events {
		if e.sent {
			unsure++
		}
	}
	noteLost := func(err error) {
		if err != nil && !httpclient.Unsent(err) {
			unsure = len(events)
		}
	}
	r := httpclient.Retrier{
		Client:  d.p.client,
		Retries: d.p.cfg.Retries,
		Wait:    d.p.cfg.RetryWait,
		Stop:    d.stop.Load,
		OnTry: func(previous error) {
			noteLost(previous)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.tally.requests++
			d.tally.resent += uint64(unsure)
		},
	}
	resp, err := r.Do(req)
	noteLost(err)
	if unsure == len(events) {
		for _, e := range events {
			e.sent = true
		}
	}
	return resp, err
}

// encode returns the body for the first events and how many they are. It stops
// before an event that is too large to be sent.
func (p *Processor) encode(events []*event, most int) (body []byte, n int) {
	body = make([]byte, 0, min(p.lastBody.Load()+1024, maxBody+(64<<10)))
	body = append(body, '[')
	userFrom, userTo := 0, 0 // where the last user stands in the body
	// Outside of the loop, as what goes to a dialect moves to the heap.
	var evaluation wire.Evaluation
	var m wire.Metric
	for n < min(most, len(events)) && len(body) < maxBody {
		e := events[n]
		start := len(body)
		if p.private.Size(e.user) > maxEvent { // without writing all of it first
			break
		}
		if n > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"user":`...)
		at := len(body)
		if n > 0 && e.user == events[n-1].user {
			body = append(body, body[userFrom:userTo]...)
		} else {
			body = p.to.Dialect.AppendUser(body, e.user, p.private)
		}
		userFrom, userTo = at, len(body)
		body = append(body, ',')
		if e.metric != nil {
			m = wire.Metric{Name: e.metric.name, Value: e.metric.value, UnixMilli: e.unixMilli}
			body = p.to.Dialect.AppendMetric(body, &m)
		} else {
			evaluation = wire.Evaluation{
				Flag: e.flag, Variation: e.variation, Reason: e.reason, Experiment: e.experiment, UnixMilli: e.unixMilli,
			}
			body = p.to.Dialect.AppendEvaluation(body, &evaluation)
		}
		body = append(body, '}')
		if len(body)-start > maxEvent {
			body = body[:start]
			break
		}
		n++
	}
	body = append(body, ']')
	p.lastBody.Store(int64(len(body)))
	return body, n
}

package event

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/pace"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
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
	p      *Processor
	ctx    context.Context
	by     mode
	until  time.Time   // requests may be cut then; zero is never
	lanes  int         // requests at the same time, at most
	events []*waiting  // all that wait, in order
	stop   atomic.Bool // the platform wants no more requests for now
	// extra counts requests for parts, answered those that were answered.
	extra, answered int

	mu         sync.Mutex      // guards the rest while lanes are under way
	held       map[string]bool // keys of users whose events wait for the next delivery
	bodies     [][]*waiting    // that were rejected, but for single suspects
	accepted   int             // requests
	rejections int             // requests that were rejected, after retries
	rejection  error           // the last one
	separate   int             // rejections that no single event explains
	settled    int             // events
	delivered  uint64          // events
	dropped    uint64          // events
	cause      error           // why not everything was delivered
	down       bool            // a request failed for which no event is to blame
	waitFor    time.Duration   // Retry-After
	refused    bool
	largest    int // events that a request of a lane might have had
}

// errNoTime ends a delivery that may be cut, before its time is over.
var errNoTime = fmt.Errorf("the time left is too short for another request: %w", context.DeadlineExceeded)

// tally counts what deliveries did.
type tally struct {
	delivered, dropped uint64
	resent, requests   uint64
	lost               [lossKinds]uint64 // dropped, by reason
}

// run sends the queued events: first those that are not suspects, then suspects in
// parts, then the events that waited for suspects.
func (d *delivery) run(backlog []waiting) {
	d.held = map[string]bool{}
	d.events = make([]*waiting, len(backlog))
	for i := range backlog {
		d.events[i] = &backlog[i]
	}
	suspects := d.suspects(d.events)
	if d.p.isolation.first {
		d.isolate(suspects)
		suspects = d.suspects(d.events)
	}
	for first := true; ; first = false {
		d.probe(d.others(suspects))
		d.send(d.others(suspects))
		if d.by == closing && first {
			d.blame(true)
			clear(d.held)
			suspects = d.suspects(d.events)
		}
		if !d.isolate(suspects) {
			break
		}
		suspects = d.suspects(d.events)
	}
	d.blame(d.accepted > 0 || !slices.ContainsFunc(suspects, func(user []*waiting) bool { return user[0].strikes == 0 }))
	if d.accepted > 0 {
		d.p.isolation.vain, d.p.isolation.turn = 0, 0
	}
	d.p.isolation.first = !d.p.isolation.first && len(suspects) > 0 && d.answered == 0 && d.ctx.Err() != nil
}

// others returns the events of users who are not among the suspects and need not
// wait.
func (d *delivery) others(suspects [][]*waiting) []*waiting {
	users := make(map[string]bool, len(suspects))
	for _, user := range suspects {
		users[user[0].user.Key] = true
	}
	return slices.DeleteFunc(slices.Clone(d.events), func(e *waiting) bool {
		return e.settled || users[e.user.Key] || d.held[e.user.Key]
	})
}

// send sends events in lanes: requests of different lanes are under way at the
// same time, and all events of one user go through the same lane, so that they
// keep their order.
func (d *delivery) send(events []*waiting) {
	batch := d.p.cfg.BatchSize
	requests, least := (len(events)+batch-1)/batch, 0
	if d.by == filled {
		requests, least = len(events)/batch, batch-batch/8
	}
	lanes := [][]*waiting{events}
	if n := min(d.p.cfg.Requests, requests); n > 1 {
		lanes = lanesOf(events, n, batch, least)
	}
	d.lanes = len(lanes)
	var wg sync.WaitGroup
	for _, lane := range lanes {
		wg.Go(func() { d.lane(lane) })
	}
	wg.Wait()
}

// lanesOf gives each user to a lane: to one that then has the fewest requests, if
// possible in a request that is not full yet, and otherwise to the one with the fewest
// events. A lane has at least the given number of events if there are so many.
func lanesOf(events []*waiting, n, batch, least int) [][]*waiting {
	counts := map[string]int{} // events of each user
	for _, e := range events {
		counts[e.user.Key]++
	}
	requests := func(events int) int { return (events + batch - 1) / batch }
	lanes, sizes := make([][]*waiting, n), make([]int, n)
	of := map[string]int{}
	for _, e := range events {
		lane, ok := of[e.user.Key]
		if !ok {
			count := counts[e.user.Key]
			for i, size := range sizes {
				than := sizes[lane]
				if cmp.Or(
					cmp.Compare(requests(size+count), requests(than+count)),
					cmp.Compare(requests(than), requests(size)),
					cmp.Compare(size, than),
				) < 0 {
					lane = i
				}
			}
			of[e.user.Key] = lane
			sizes[lane] += count
		}
		lanes[lane] = append(lanes[lane], e)
	}
	return joined(lanes, batch, least)
}

// joined joins lanes whose events fit in one request together, and lanes with fewer
// events than least. Otherwise a user with most of the events would leave little for
// each of the other lanes.
func joined(lanes [][]*waiting, batch, least int) [][]*waiting {
	for {
		for i := range lanes { // sort by length: they are few
			for ; i > 0 && len(lanes[i]) < len(lanes[i-1]); i-- {
				lanes[i], lanes[i-1] = lanes[i-1], lanes[i]
			}
		}
		if len(lanes) == 1 || len(lanes[0]) >= least && len(lanes[0])+len(lanes[1]) > batch {
			return lanes
		}
		lanes[1] = append(lanes[1], lanes[0]...)
		lanes = lanes[1:]
	}
}

// lane sends events one request after the other. It stops at the first that must
// be kept, because what follows must not overtake it. After a rejection it goes
// on with other users: with one request if the platform has accepted none yet.
func (d *delivery) lane(events []*waiting) {
	// After a 413 requests are smaller, for the rest of the delivery. If one
	// event turns out to be to blame, they may grow again.
	size, most := d.p.cfg.BatchSize, d.p.cfg.BatchSize
	retries, inVain := d.p.cfg.Retries, false
	for len(events) > 0 {
		room, ok := d.begin()
		if !ok {
			return
		}
		body, n := d.p.encode(events, min(size, room))
		if n == 0 {
			d.p.pace.End()
			d.drop(events[:1], lossTooLarge, errTooLarge)
			events = events[1:]
			continue
		}
		result, err := d.request(body, events[:n], try{retries: retries})
		d.p.pace.End()
		switch result {
		case delivered:
			d.deliverAgain(events[:n])
			size = min(2*size, most)
			retries, inVain = d.p.cfg.Retries, false
		case split:
			if n > 1 {
				size, most = n/2, n/2
				continue
			}
			d.drop(events[:n], lossTooLarge, err)
			most = d.p.cfg.BatchSize
		case rejected:
			if !d.suspect(events[:n]) {
				if inVain {
					return // most likely an outage
				}
				retries, inVain = 0, true
			}
			events = d.free(events[n:])
			continue
		case retained, refused:
			return
		}
		events = events[n:]
		if d.by == filled && result == delivered && len(events) < n {
			return // the rest waits for the interval
		}
	}
}

// begin waits until a lane may send its next request. It returns how many events
// the request may have. It reports false if the lane is to end.
func (d *delivery) begin() (room int, ok bool) {
	_ = d.p.pace.Begin(context.Background(), !d.until.IsZero())
	room = d.room()
	switch {
	case d.stop.Load(): // perhaps meanwhile
	case !d.worthwhile(room):
		d.note(errNoTime, 0, false)
	default:
		return room, true
	}
	d.p.pace.End()
	return 0, false
}

// room returns how many events the next request may have.
func (d *delivery) room() int {
	if d.until.IsZero() {
		return d.p.pace.Next(pace.Unbounded, d.lanes)
	}
	return d.p.pace.Next(time.Until(d.until), d.lanes)
}

// worthwhile reports whether a request with so many events is still worthwhile. The
// first request always is. As time runs out, requests become smaller, and few large
// requests cost the platform less than many small ones.
func (d *delivery) worthwhile(room int) bool {
	if d.until.IsZero() {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.largest = max(d.largest, room)
	return room >= d.largest/4
}

// suspect records that a request of a lane was rejected: further events of its users
// wait. It reports whether the platform has accepted another request.
func (d *delivery) suspect(events []*waiting) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bodies = append(d.bodies, events)
	d.separate++
	for _, e := range events {
		d.held[e.user.Key] = true
	}
	return d.accepted > 0
}

// free returns those of the events whose users need not wait.
func (d *delivery) free(events []*waiting) []*waiting {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(events), func(e *waiting) bool { return d.held[e.user.Key] })
}

// blame counts the rejections of lanes' requests for their events, if those may
// be the reason. In an outage the first requests count, not more and more of
// them while those are under suspicion.
func (d *delivery) blame(events bool) {
	for _, body := range d.bodies {
		for _, e := range body {
			if !events || e.settled {
				continue
			}
			e.rejections = add(e.rejections, 1)
			if len(body) == 1 {
				e.alone = add(e.alone, 1)
			}
		}
	}
	d.bodies = nil
}

// deliver settles events that the platform accepted.
func (d *delivery) deliver(events []*waiting) { d.settle(events, lossNone, nil) }

// deliverAgain is deliver for a request of a lane. If its events were in a
// request that was rejected, they were not the reason.
func (d *delivery) deliverAgain(events []*waiting) {
	rejections := int(events[0].alone)
	if rejections == 0 && slices.ContainsFunc(events, func(e *waiting) bool { return e.rejections > 0 }) {
		rejections = 1
	}
	d.mu.Lock()
	d.p.isolation.count(0, rejections)
	d.mu.Unlock()
	d.deliver(events)
}

// drop settles events that are dropped.
func (d *delivery) drop(events []*waiting, why loss, cause error) {
	d.note(cause, 0, false)
	d.settle(events, why, cause)
}

// settle frees the places of events and counts them, in one step for Stats.
func (d *delivery) settle(events []*waiting, why loss, cause error) {
	n := uint64(len(events))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settled += len(events)
	if d.p.once != nil {
		d.p.once.settled(events, why, d.p.queue.stamps.now().unixMilli)
	}
	d.p.mu.Lock()
	defer d.p.mu.Unlock()
	d.p.queue.settle(events)
	if why == lossNone {
		d.delivered += n
		d.p.total.delivered += n
		return
	}
	d.dropped += n
	d.p.total.dropped += n
	d.p.total.lost[why] += n
	d.p.lostTo = cause
}

// try is how a request is sent.
type try struct {
	retries int
	// fresh closes the connection after the request. Requests that are to blame an
	// event must not all go to the one backend behind a balancer that is broken.
	fresh bool
}

// request posts a body and returns the outcome for its events, and why they were not
// delivered.
func (d *delivery) request(body []byte, events []*waiting, how try) (outcome, error) {
	if ended := context.Cause(d.ctx); ended != nil {
		d.note(ended, 0, true)
		return retained, ended
	}
	exchange := d.post
	if d.p.guard != nil {
		exchange = d.put
	}
	var before rejections
	resp, err := exchange(body, events, how, &before)
	switch {
	case err != nil && before.last != nil && d.ctx.Err() != nil:
		// The retry was cut. The answer before it counts.
		return rejected, d.reject(before.last)
	case err != nil:
		d.note(err, 0, true)
		return retained, err
	}
	if resp.result == delivered {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.accepted++
		d.p.isolation.count(1, before.n)
		return delivered, nil
	}
	if resp.result == refused || resp.wait > 0 {
		d.stop.Store(true)
	}
	switch resp.result {
	case split:
		return split, resp.err
	case rejected:
		return rejected, d.reject(resp.err)
	}
	d.note(resp.err, resp.wait, true)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused = d.refused || resp.result == refused
	return resp.result, resp.err
}

// response is the last response to a request, after retries.
type response struct {
	result outcome
	wait   time.Duration // that it asks for
	err    error         // describes it; nil if the events were delivered
}

// reject records that the platform rejected a request.
func (d *delivery) reject(err error) error {
	d.note(err, 0, false)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rejections++
	d.rejection = err
	return err
}

// statusError describes a response, with the reason that a relay has given. It uses no
// field of resp that a RoundTripper of the application may leave empty.
func (d *delivery) statusError(resp *http.Response, reason string) error {
	address := "the platform"
	if u, err := url.Parse(d.p.to.URL); err == nil {
		address = u.Redacted()
	}
	err := fmt.Errorf("%s responded with %d %s%s", address, resp.StatusCode, http.StatusText(resp.StatusCode), reason)
	switch {
	case retry.Classify(resp.StatusCode) == retry.Refused:
		return fmt.Errorf("%w: %w", err, flush.ErrRefused)
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return fmt.Errorf("%w: redirects are not followed, so EventsURL has to name the final address", err)
	}
	return err
}

// note records why events were not delivered: a rejection of the secret if there is
// one, else the first error. down means that no event is the reason.
func (d *delivery) note(err error, wait time.Duration, down bool) {
	if ended := context.Cause(d.ctx); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w, after %w", ended, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cause == nil || errors.Is(err, flush.ErrRefused) && !errors.Is(d.cause, flush.ErrRefused) {
		d.cause = err
	}
	d.waitFor = max(d.waitFor, wait)
	d.down = d.down || down
}

// reason returns why events were not delivered. It wraps flush.ErrRejected if single
// events may be the only reason.
func (d *delivery) reason() error {
	if d.rejections == 0 || d.down || d.accepted == 0 && d.separate > 1 {
		return d.cause
	}
	return fmt.Errorf("%w: %w", d.cause, flush.ErrRejected)
}

// rejections are the attempts of a request that failed with a status for which an
// event may be the reason.
type rejections struct {
	n    int
	last error // nil if the last answer was another
}

// attempts counts the attempts of a request.
type attempts struct {
	d      *delivery
	events []*waiting
	unsure int // events that may have arrived without a response
	began  time.Time
}

func (d *delivery) newAttempts(events []*waiting) *attempts {
	a := &attempts{d: d, events: events}
	for _, e := range events {
		if e.sent {
			a.unsure++
		}
	}
	return a
}

// begin counts an attempt. previous is the error of the one before it.
func (a *attempts) begin(previous error) {
	a.began = time.Now()
	a.lost(previous)
	a.d.p.mu.Lock()
	defer a.d.p.mu.Unlock()
	a.d.p.total.requests++
	a.d.p.total.resent += uint64(a.unsure)
}

// lost records the error of an attempt: without a response the events may have
// arrived.
func (a *attempts) lost(err error) {
	if err != nil && !retry.Unsent(err) {
		a.unsure = len(a.events)
	}
}

// end records the end of the last attempt, which began to use its connection at a
// time.
func (a *attempts) end(at time.Time, accepted bool, err error) {
	a.d.measure(accepted, err, len(a.events), time.Since(at))
	a.lost(err)
	if a.unsure == len(a.events) {
		for _, e := range a.events {
			e.sent = true
		}
	}
}

// post sends a request and retries it. It records which events may have arrived
// without a response, and counts rejections.
func (d *delivery) post(body []byte, events []*waiting, how try, before *rejections) (response, error) {
	req, err := retryablehttp.NewRequestWithContext(d.ctx, http.MethodPost, d.p.to.URL, body)
	if err != nil {
		return response{}, err
	}
	req.Header = d.p.header()
	req.Close = how.fresh
	all := d.newAttempts(events)
	var conn retry.ConnTrace
	loop := retry.Loop{
		Conn:    &conn,
		Client:  d.p.client,
		Retries: how.retries,
		RetryOn: func(resp *http.Response) bool {
			before.last = nil
			if _, asked := retry.After(resp.Header, time.Now()); outcomeOf(resp.StatusCode, asked) == rejected {
				before.n++
				before.last = d.statusError(resp, "")
			}
			return retryable(resp.StatusCode)
		},
		Wait:  d.p.cfg.RetryWait,
		Stop:  d.stop.Load,
		OnTry: all.begin,
	}
	resp, err := loop.Do(req)
	all.end(conn.Began(all.began), err == nil && retry.Classify(resp.StatusCode) == retry.Success, err)
	if err != nil {
		return response{}, err
	}
	reason := httpclient.RelayReason(resp.Body, 64<<10)
	_ = resp.Body.Close()
	wait, asked := retry.After(resp.Header, time.Now())
	r := response{result: outcomeOf(resp.StatusCode, asked), wait: wait}
	if r.result != delivered {
		r.err = d.statusError(resp, reason)
	}
	return r, nil
}

// measure records how long the platform took for the events of an attempt, from the
// moment the attempt had its connection.
func (d *delivery) measure(accepted bool, err error, events int, took time.Duration) {
	switch {
	case retry.Unsent(err):
	case err != nil && d.ctx.Err() != nil && !d.until.IsZero():
		d.p.pace.WasCut(events)
	case err != nil && errors.Is(err, context.DeadlineExceeded):
		d.p.pace.TimedOut(events)
	case err != nil, took > d.p.pace.Timeout(): // the process was frozen meanwhile
	case accepted:
		d.p.pace.Answered(took)
		d.p.pace.Accepted(events, took)
	default:
		d.p.pace.Answered(took)
	}
}

// encode returns the body for the first events and how many they are. It stops
// before an event that is too large to be sent.
func (p *Processor) encode(events []*waiting, most int) (body []byte, n int) {
	b := p.bodies.Get().(*platform.Body)
	defer p.bodies.Put(b)
	defer b.Reset()
	for n < min(most, len(events)) && b.Len() < maxBody {
		if !addEvent(b, &events[n].event) {
			break
		}
		n++
	}
	return b.AppendTo(make([]byte, 0, b.Len())), n
}

// addEvent reports whether the event is small enough to be sent.
func addEvent(b *platform.Body, e *event) bool {
	if e.kind == kindMetric {
		return b.AddMetric(e.user, platform.Metric{Name: e.metric.name, Value: e.metric.value, UnixMilli: e.unixMilli}, maxEvent)
	}
	return b.AddEvaluation(e.user, platform.Evaluation{
		Flag: e.flag, Variation: e.variation, Reason: e.reason, Experiment: e.experiment, UnixMilli: e.unixMilli,
	}, maxEvent)
}

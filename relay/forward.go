package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const (
	// maxBatchAge is the age from which a batch is not delivered any more.
	maxBatchAge = 7 * 24 * time.Hour
	// extendEvery is how often batches that were taken are extended.
	extendEvery = 20 * time.Second
	// callTimeout bounds a call of a delivery's function.
	callTimeout = 10 * time.Second
	// grace is how long requests that are under way may take after ctx has ended.
	grace = 5 * time.Second
	// maxTaken and maxTakenBytes bound the batches that Run has taken, and a quarter of
	// them those of one environment.
	maxTaken      = 256
	maxTakenBytes = 32 << 20
	// maxHeld is how long a batch may be delivered after it was taken or extended last.
	// After that another taker has it.
	maxHeld = time.Minute
	// insistFor is how long Run tries to remove a batch that has arrived, or to put what is
	// left of it.
	insistFor = 5 * time.Minute
	// waitingPause and crowdedPause are the pauses of Run after batches of which none is
	// delivered now: environments pause, or have enough batches. They are short: batches of
	// other environments may be behind any number of those.
	waitingPause = 50 * time.Millisecond
	crowdedPause = time.Second
	// takeAtOnce is how many batches Run takes at once, at most.
	takeAtOnce = 32
	// maxPause is the longest pause of an environment, and the longest time for which
	// a batch is given back.
	maxPause = 10 * time.Minute
)

// Destination is where the events of an environment go.
type Destination struct {
	// EventsURL is http(s)://host[/prefix]: that of the platform.
	EventsURL string
	// EnvSecret is the environment secret.
	EnvSecret string
	// HTTPClient sends the requests. nil is a client of the Forwarder, for all its
	// environments. It is used as ffc.Config.HTTPClient is.
	HTTPClient *http.Client
}

// Format implements fmt.Formatter. It does not print the secret.
func (d Destination) Format(f fmt.State, verb rune) {
	type plain Destination // without this method
	if d.EnvSecret != "" {
		d.EnvSecret = transport.NewSecret(d.EnvSecret).String()
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(d))
}

// Forwarder delivers batches of events to the platform: those of a Queue with Run,
// and those that a caller has with Forward, such as a function that a queue invokes.
// Destination is required, and Queue for Run. A Forwarder must not be copied. Its
// fields must not change after the first call. Any number of Forwarders may share a
// queue.
//
// Batches of an environment are joined to requests of up to 512 KiB and 1,000 events.
// A Forwarder sends at most two requests of an environment at the same time, and
// fewer and smaller ones while the platform is slow. Forwarders do not count the requests
// of each other: N of them send at most 2 x N. For a platform that must not get more than
// two, run one Forwarder. What becomes of a request:
//
//	2xx                                delivered
//	408, 421, 425, 429, 5xx, network   again, after 2 s at first and 10 min at last
//	413                                sent again in halves
//	400, 422                           sent again by batch, then in halves; what is left
//	                                   is a dead letter
//	401, 403, any other                the environment pauses, up to 10 min; its batches
//	                                   stay in the queue
//
// Retry-After counts, up to 10 min. Delivery is at least once: if a process ends, the
// events of its requests under way may arrive twice. Batches that are older than
// 7 days, or malformed, are dead letters.
type Forwarder struct {
	// Queue is where Run takes batches from.
	Queue flush.Queue
	// Destination returns where the events of an environment go. It reports false if
	// the environment is unknown: its batches stay in the queue. It must not block, and
	// may be called concurrently and often: a secret that has changed is used at once.
	Destination func(environment string) (Destination, bool)
	// DeadLetters keeps events that cannot be delivered. nil keeps none: Run leaves
	// them in the queue, where the queue's own rule for batches that fail may apply, and
	// drops what is older than 7 days; Forward returns ErrDead.
	DeadLetters *DeadLetters
	// Logger logs changes of state; nil is what slog.Default returns when a line is
	// logged.
	Logger *slog.Logger

	once         sync.Once
	log          *slog.Logger
	pool         *httpclient.Pool
	counts       counts
	mu           sync.Mutex
	environments map[string]*outlet
	// Of the queue: the last errors of taking batches, of extending and removing them, and
	// of putting what is left of them.
	takeErr, extendErr, removeErr, putErr error
}

// counts are the counts of a Forwarder.
type counts struct {
	taken, forwarded, resent, dead, dropped, again, requests atomic.Uint64
}

// ForwarderStats counts the work of a Forwarder.
type ForwarderStats struct {
	Taken     uint64 // batches that Run has taken or Forward was given
	Forwarded uint64 // events that the platform has accepted
	// Resent counts events that were sent again although an earlier request with them
	// may have arrived, because its response was lost.
	Resent   uint64
	Dead     uint64 // events that became dead letters
	Dropped  uint64 // events dropped without: older than 7 days, and no DeadLetters
	Again    uint64 // batches that were not delivered, and given back
	Requests uint64 // retries included
	// Failing are the environments whose last request failed for a reason that is not
	// in the events, sorted by name.
	Failing []FailingEnvironment
	// Err is the last error of the queue, of taking batches, of extending or removing them,
	// or of putting what is left of them; nil after a success.
	Err error
}

// FailingEnvironment is an environment whose events are not delivered at present.
type FailingEnvironment struct {
	Environment string
	Until       time.Time // no request is sent until then; it may have passed
	Err         error     // why
}

var (
	// ErrDead is the error of Forward for a batch that cannot be delivered, if the
	// Forwarder has no DeadLetters.
	ErrDead = errors.New("relay: the batch cannot be delivered")
	// ErrNoDestination is the error of Forward for a batch of an unknown environment.
	ErrNoDestination = errors.New("relay: the environment of the batch is unknown")
)

func (f *Forwarder) start() {
	f.once.Do(func() {
		logger := f.Logger
		if logger == nil {
			logger = safelog.Default()
		}
		f.log, _ = safelog.New(logger)
		f.pool = httpclient.NewPool(nil, nil)
		f.environments = make(map[string]*outlet)
	})
}

// Stats returns the counts so far. It may be called concurrently.
func (f *Forwarder) Stats() ForwarderStats {
	f.start()
	s := ForwarderStats{
		Taken: f.counts.taken.Load(), Forwarded: f.counts.forwarded.Load(), Resent: f.counts.resent.Load(),
		Dead: f.counts.dead.Load(), Dropped: f.counts.dropped.Load(), Again: f.counts.again.Load(), Requests: f.counts.requests.Load(),
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Err = cmp.Or(f.takeErr, f.extendErr, f.removeErr, f.putErr)
	for _, name := range slices.Sorted(maps.Keys(f.environments)) {
		if left, err := f.environments[name].paused(); err != nil {
			s.Failing = append(s.Failing, FailingEnvironment{name, time.Now().Add(left), err})
		}
	}
	return s
}

// destination calls Destination, which is the application's.
func (f *Forwarder) destination(environment string) (d Destination, ok bool) {
	defer func() {
		if v := recover(); v != nil {
			f.log.Error("ffc: Forwarder.Destination panicked", "panic", fmt.Sprintf("%T", v))
			d, ok = Destination{}, false
		}
	}()
	return f.Destination(environment)
}

// outletOf returns the outlet of an environment, or nil if it is unknown.
func (f *Forwarder) outletOf(environment string) *outlet {
	d, ok := f.destination(environment)
	if !ok {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.environments[environment]
	if o == nil {
		o = newOutlet(f, environment)
		f.environments[environment] = o
	}
	o.set(d)
	return o
}

// Forward delivers batches and returns an error for each, in their order: nil if the
// platform has accepted all of its events, or if they are dead letters now. Otherwise
// the batch has to be forwarded again. Forward blocks until that is known or ctx ends.
// It starts no request while the environment pauses, and retries a request twice. It
// may be called concurrently, and beside Run.
func (f *Forwarder) Forward(ctx context.Context, batches []flush.Batch) []error {
	f.start()
	errs := make([]error, len(batches))
	jobs := make(map[string]*job)
	for i, b := range batches {
		f.counts.taken.Add(1)
		o := f.outletOf(b.Environment)
		if o == nil {
			errs[i] = fmt.Errorf("%w: %s", ErrNoDestination, safelog.Quote(b.Environment))
			continue
		}
		j := jobs[b.Environment]
		if j == nil {
			j = &job{ctx: ctx, o: o}
			jobs[b.Environment] = j
		}
		j.add(&parcel{batch: b, finish: func(p *parcel) {
			if errs[i] = p.err; p.err != nil {
				f.counts.again.Add(1)
			}
		}})
	}
	var working sync.WaitGroup
	for _, j := range jobs {
		working.Go(func() {
			j.work()
			j.workers.Wait()
		})
	}
	working.Wait()
	return errs
}

// Run takes batches from the Queue and delivers them until ctx ends, and returns the
// cause of ctx. It returns another error at once if a required field is missing. It
// does not fail when the queue or the platform is unreachable. When ctx ends, requests
// under way may take 5 s more, and all other batches are given back. Several calls of
// Run may be under way.
func (f *Forwarder) Run(ctx context.Context) error {
	var errs []error
	if setting.Missing(f.Queue) {
		errs = append(errs, errors.New("relay: Forwarder.Queue: missing queue: Run takes batches from it"))
	}
	if f.Destination == nil {
		errs = append(errs, errors.New("relay: Forwarder.Destination: missing function: it returns the secret and the address of an environment"))
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	f.start()
	tries, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, func() { end(context.Cause(ctx)) })
		context.AfterFunc(tries, func() { timer.Stop() })
	})
	defer stop()
	r := &run{f: f, ctx: ctx, tries: tries, jobs: make(map[string]*job), taken: make(map[*parcel]*held)}
	r.changed.L = &r.mu
	r.loop()
	return context.Cause(ctx)
}

// run is one call of Run.
type run struct {
	f     *Forwarder
	ctx   context.Context
	tries context.Context // ends when requests under way must end
	jobs  map[string]*job // by environment; of the goroutine of loop

	finishing sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond
	taken   map[*parcel]*held
	bytes   int
	stuck   int // batches that could not be removed, since one was removed
}

// held is a delivery that Run has taken.
type held struct {
	*flush.Delivery
	at       time.Time // when it was taken
	extended time.Time // or taken; of run.mu
	ending   bool      // Done or Again has been called: it may be no longer this taker's; of run.mu
}

// loop takes batches until ctx ends, and then waits for those that were taken.
func (r *run) loop() {
	stopWaiting := context.AfterFunc(r.ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changed.Broadcast()
	})
	defer stopWaiting()
	extending, stop := context.WithCancel(context.WithoutCancel(r.ctx))
	var extender sync.WaitGroup
	extender.Go(func() { r.extend(extending) })
	backoff := retry.Backoff{First: time.Second, Max: 30 * time.Second}
	for room := r.await(); room > 0; room = r.await() {
		deliveries, err := r.take(min(room, takeAtOnce))
		if r.note(&r.f.takeErr, "taken from the queue", err); err != nil {
			if !retry.Sleep(r.ctx, backoff.Next(0), nil) {
				break
			}
			continue
		}
		backoff.Reset()
		if pause := r.accept(deliveries); pause > 0 && !retry.Sleep(r.ctx, retry.Lengthen(pause, retry.Jitter), nil) {
			break
		}
	}
	for _, j := range r.jobs {
		j.workers.Wait()
	}
	r.finishing.Wait()
	stop()
	extender.Wait()
}

// await waits until there is room for more batches, and returns for how many. There is
// none while those that are delivered cannot be removed: they would arrive again and
// again. It returns 0 if ctx has ended.
func (r *run) await() (room int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.ctx.Err() == nil && (len(r.taken) >= maxTaken || r.bytes >= maxTakenBytes || r.stuck > 1) {
		r.changed.Wait()
	}
	if r.ctx.Err() != nil {
		return 0
	}
	return maxTaken - len(r.taken)
}

// take calls Queue.Take. A panic in it is an error.
func (r *run) take(most int) (deliveries []flush.Delivery, err error) {
	err = contained("the queue", func() (err error) {
		deliveries, err = r.f.Queue.Take(r.ctx, most)
		return err
	})
	if err == nil && len(deliveries) == 0 && r.ctx.Err() == nil {
		err = errors.New("the queue returned no batches: expected it to wait for some")
	}
	return deliveries, err
}

// contained calls a function of the application's, which what names, and returns an
// error that is fit for a log.
func contained(what string, f func() error) error { return safelog.Error(safelog.Contain(what, f)) }

// note records an error of the queue, and logs changes. what says what cannot be done
// with events.
func (r *run) note(at *error, what string, err error) {
	if err != nil && r.ctx.Err() != nil {
		return
	}
	r.f.mu.Lock()
	before := *at
	*at = err
	r.f.mu.Unlock()
	switch {
	case err != nil && before == nil:
		r.f.log.Warn("ffc: events cannot be "+what, "error", err)
	case err == nil && before != nil:
		r.f.log.Info("ffc: events are " + what + " again")
	}
}

// accept gives deliveries to the jobs of their environments. It returns a pause if all
// are given back at once.
func (r *run) accept(deliveries []flush.Delivery) (pause time.Duration) {
	accepted := 0
	pause = waitingPause
	jobs := make(map[*job]bool)
	for i := range deliveries {
		d := &deliveries[i]
		r.f.counts.taken.Add(1)
		o := r.f.outletOf(d.Environment)
		if o == nil {
			r.giveBack(d, time.Minute)
			continue
		}
		if left, _ := o.paused(); left > 0 {
			r.giveBack(d, left)
			continue
		}
		h := &held{Delivery: d, at: time.Now(), extended: time.Now()}
		p := &parcel{
			batch: d.Batch, over: func() bool { return r.over(h) },
			finish: func(p *parcel) { r.finishing.Go(func() { r.finished(p, d, o) }) },
		}
		if after := r.hold(p, h); after > 0 {
			r.giveBack(d, after)
			pause = crowdedPause
			continue
		}
		accepted++
		j := r.jobs[d.Environment]
		if j == nil {
			j = &job{ctx: httpclient.Detach(r.ctx, r.tries), o: o, drops: true}
			r.jobs[d.Environment] = j
		}
		j.add(p)
		jobs[j] = true
	}
	for j := range jobs {
		j.work()
	}
	if accepted > 0 {
		return 0
	}
	return pause
}

// hold remembers a delivery until it is finished. If there are too many of its
// environment, hold returns after which time the delivery is to be taken again: about
// the time that those take.
func (r *run) hold(p *parcel, h *held) (after time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, size := 0, 0
	for other, its := range r.taken {
		if other.batch.Environment == h.Environment {
			n++
			size += len(other.batch.Body)
			after = max(after, 2*clock.Age(its.at))
		}
	}
	if n >= maxTaken/4 || size >= maxTakenBytes/4 {
		return max(after, time.Second)
	}
	r.taken[p] = h
	r.bytes += len(h.Body)
	return 0
}

// over reports whether another taker may have a delivery by now: it was not extended
// in time, or the process was frozen.
func (r *run) over(h *held) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return clock.Age(h.extended) >= maxHeld
}

// giveBack gives a delivery back that is not delivered now.
func (r *run) giveBack(d *flush.Delivery, after time.Duration) {
	r.f.counts.again.Add(1)
	r.finishing.Go(func() { _ = r.call(d.Again, min(after, maxPause)) })
}

// finished is called when a parcel is delivered, or when that has failed.
func (r *run) finished(p *parcel, d *flush.Delivery, o *outlet) {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.taken, p)
		r.bytes -= len(d.Body)
		r.changed.Broadcast()
	}()
	if errors.Is(p.err, errOver) { // it is another taker's
		r.f.counts.again.Add(1)
		return
	}
	after, _ := o.paused()
	if errors.Is(p.err, ErrDead) {
		after = maxPause
	}
	if p.err != nil && p.delivered {
		// Some of the events have arrived. Only the others are to be sent again, as a batch
		// of their own.
		rest := d.Batch
		rest.Body = append(appendItems([]byte{'['}, p.left), ']')
		put := func(ctx context.Context) error { return r.f.Queue.Put(ctx, rest) }
		if p.err = r.insist(put, func(err error) { r.note(&r.f.putErr, "put back into the queue", err) }); p.err != nil {
			after = maxPause
		}
	}
	r.mu.Lock()
	r.taken[p].ending = true
	r.mu.Unlock()
	if p.err == nil {
		if d.Done != nil {
			r.remove(d.Done)
		}
		return
	}
	r.f.counts.again.Add(1)
	if r.ctx.Err() != nil {
		after = 0
	}
	_ = r.call(d.Again, min(after, maxPause))
}

// remove calls Delivery.Done of a batch that has arrived. A batch that is not removed
// is delivered again.
func (r *run) remove(done func(context.Context) error) {
	counted := false
	_ = r.insist(done, func(err error) { // which is logged
		r.note(&r.f.removeErr, "removed from the queue", err)
		r.mu.Lock()
		defer r.mu.Unlock()
		switch {
		case err == nil:
			r.stuck = 0
		case !counted:
			r.stuck++
			counted = true
		}
		r.changed.Broadcast()
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if counted && r.stuck > 0 {
		r.stuck--
		r.changed.Broadcast()
	}
}

// insist calls a function that changes the queue until it succeeds or insistFor is
// over, and result after each call.
func (r *run) insist(f func(context.Context) error, result func(error)) error {
	began := time.Now()
	backoff := retry.Backoff{First: time.Second, Max: 30 * time.Second}
	for {
		err := r.call(func(ctx context.Context, _ time.Duration) error { return f(ctx) }, 0)
		result(err)
		if err == nil || clock.Age(began) > insistFor || !retry.Sleep(r.tries, backoff.Next(0), nil) {
			return err
		}
	}
}

// call calls a function of a delivery.
func (r *run) call(f func(context.Context, time.Duration) error, after time.Duration) error {
	if f == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), callTimeout)
	defer cancel()
	return contained("the queue", func() error { return f(ctx, after) })
}

// extend extends what was taken until ctx ends.
func (r *run) extend(ctx context.Context) {
	for retry.Sleep(ctx, extendEvery, nil) {
		r.mu.Lock()
		taken := slices.Collect(maps.Values(r.taken))
		r.mu.Unlock()
		var calls sync.WaitGroup
		errs := make(chan error, len(taken))
		limit := make(chan struct{}, 16)
		for _, h := range taken {
			if r.over(h) {
				continue
			}
			limit <- struct{}{}
			calls.Go(func() {
				defer func() { <-limit }()
				began := time.Now()
				err := r.call(func(ctx context.Context, _ time.Duration) error {
					if h.Extend == nil {
						return nil
					}
					return h.Extend(ctx)
				}, 0)
				r.mu.Lock()
				defer r.mu.Unlock()
				if err == nil {
					h.extended = began
				} else if h.ending { // the queue may have given it away, or removed it
					return
				}
				errs <- err
			})
		}
		calls.Wait()
		close(errs)
		var failed error
		n := len(errs)
		for err := range errs {
			if failed = err; err == nil { // others may have been removed meanwhile
				break
			}
		}
		if n > 0 {
			r.note(&r.f.extendErr, "kept from other forwarders", failed)
		}
	}
}

// age returns how old a batch is.
func age(b *flush.Batch) time.Duration {
	if b.At.IsZero() {
		return 0
	}
	return clock.Age(b.At.Round(0))
}

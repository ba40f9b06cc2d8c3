package relay

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
)

const (
	// maxEvents is the size of the largest body of events, in bytes, compressed and
	// not.
	maxEvents = 1 << 20
	// gatherFor is how long bodies of an environment are gathered.
	gatherFor = 10 * time.Millisecond
	// maxGathered is the size from which gathered bodies are stored at once, in
	// bytes: a message of SQS takes them.
	maxGathered = 128 << 10
	// maxUnstored is how many bytes of bodies may wait until they are stored, of all
	// environments: while a queue does not respond, they would fill the memory.
	maxUnstored = 64 << 20
	// putTime bounds the storing of bodies that were gathered, also if it takes several
	// batches.
	putTime = 10 * time.Second
	// rateWindow is the time over which the rate of events is an average.
	rateWindow = 2 * time.Second
	// maxRates is how many keys have a rate, at most. When one more is used, all
	// are forgotten.
	maxRates = 10_000
)

// eventCounts counts events.
type eventCounts struct{ accepted, refused atomic.Uint64 }

// serveEvents stores a body of events. It responds with 200 only when the body is
// durable.
func (h *Handler) serveEvents(w http.ResponseWriter, r *http.Request, wire *platformserver.Wire) {
	if !h.allow(w, r, routeEvents, http.MethodPost) {
		return
	}
	status, reason := h.takeEvents(w, r, wire)
	switch status {
	case http.StatusOK:
		h.count(routeEvents, status)
		if wire.EventsOK != "" {
			w.Header()["Content-Type"] = jsonType
			_, _ = io.WriteString(w, wire.EventsOK) // the client may be gone
		}
		return
	case http.StatusBadRequest:
		h.reject(w, routeEvents, wire, reason)
		return
	}
	h.respond(w, routeEvents, status, reason)
}

// takeEvents stores the events of a request, and returns the status of the response.
func (h *Handler) takeEvents(w http.ResponseWriter, r *http.Request, wire *platformserver.Wire) (status int, reason string) {
	key := wire.Secret(r)
	environment, ok := h.environmentOf(key, wire)
	switch {
	case !ok:
		return http.StatusUnauthorized, ""
	case h.Events == nil:
		return http.StatusServiceUnavailable, httpclient.RelayHasNoQueue
	case !platformserver.IsJSON(r.Header.Get("Content-Type")):
		return http.StatusUnsupportedMediaType, ""
	case r.ContentLength > maxEvents:
		return http.StatusRequestEntityTooLarge, ""
	}
	body, err := readEvents(w, r)
	switch {
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge, ""
	case errors.Is(err, errEncoding):
		return http.StatusUnsupportedMediaType, "expected Content-Encoding gzip or none"
	case err != nil:
		return http.StatusBadRequest, "the body cannot be read"
	}
	if !h.rates.take(key, len(body), h.EventRate) {
		return http.StatusTooManyRequests, httpclient.RelayLimitsEvents
	}
	items, err := wire.CheckEvents(body)
	if err != nil {
		return http.StatusBadRequest, "the body is not the events of " + wire.Name
	}
	if room := h.roomOf(environment); room != nil {
		room.report(r.Header)
	}
	if items == 0 {
		return http.StatusOK, ""
	}
	b := gathered{text: bytes.TrimSpace(body)}
	for text := range jsontext.Elements(body) {
		b.events += eventsOf(text)
	}
	if !h.begin() { // not before the body is read: Close does not wait for slow clients
		panic(http.ErrAbortHandler)
	}
	defer h.running.Done()
	err = h.gather.put(r.Context(), environment, wire.EventsPath, b)
	switch {
	case err == nil:
		return http.StatusOK, ""
	case errors.Is(err, flush.ErrTooLarge):
		return http.StatusRequestEntityTooLarge, ""
	}
	if waiting, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err); ok {
		if wait := waiting.RetryAfter(); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		}
	}
	return http.StatusServiceUnavailable, httpclient.RelayQueueFails
}

var (
	errTooLarge = errors.New("the body is too large")
	errEncoding = errors.New("unknown Content-Encoding")
)

// readEvents reads a body and inflates it, within the limit.
func readEvents(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var from io.Reader = http.MaxBytesReader(w, r.Body, maxEvents)
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, err
		}
		from = z
	default:
		return nil, errEncoding
	}
	body, err := io.ReadAll(io.LimitReader(from, maxEvents+1))
	if _, large := errors.AsType[*http.MaxBytesError](err); large || len(body) > maxEvents {
		return nil, errTooLarge
	}
	return body, err
}

// gatherer joins bodies that arrive at the same time into one batch.
type gatherer struct {
	h *Handler

	mu       sync.Mutex
	batches  map[gatheredFor]*gathering
	unstored int // bytes of bodies
}

type gatheredFor struct{ environment, route string }

// gathered is a body of events.
type gathered struct {
	text   []byte // without white space around it
	events int
}

// gathering is a batch that is being gathered or stored.
type gathering struct {
	bodies []gathered
	size   int
	full   chan struct{} // closed when it is to be stored at once
	done   chan struct{} // closed when all are stored
	errs   []error       // of the bodies
}

func (g *gatherer) init(h *Handler) {
	g.h = h
	g.batches = make(map[gatheredFor]*gathering)
}

// put stores a body together with others, and returns when it is durable. When ctx
// ends, the body is stored nevertheless. The error is flush.ErrFull while too many wait.
// The caller has called begin.
func (g *gatherer) put(ctx context.Context, environment, route string, body gathered) error {
	to := gatheredFor{environment, route}
	g.mu.Lock()
	if g.unstored+len(body.text) > maxUnstored {
		g.mu.Unlock()
		g.h.events.refused.Add(uint64(body.events))
		return flush.ErrFull
	}
	g.unstored += len(body.text)
	b := g.batches[to]
	if b == nil || b.size+len(body.text) > maxGathered {
		if b != nil {
			close(b.full)
		}
		b = &gathering{full: make(chan struct{}), done: make(chan struct{})}
		g.batches[to] = b
		g.h.running.Go(func() { g.store(to, b) })
	}
	i := len(b.bodies)
	b.bodies = append(b.bodies, body)
	b.size += len(body.text)
	g.mu.Unlock()
	select {
	case <-b.done:
		return b.errs[i]
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// store waits for more bodies and stores them.
func (g *gatherer) store(to gatheredFor, b *gathering) {
	defer func() {
		g.mu.Lock()
		g.unstored -= b.size
		g.mu.Unlock()
		close(b.done)
	}()
	wait := time.NewTimer(gatherFor)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-b.full:
	case <-g.h.ctx.Done():
	}
	g.mu.Lock()
	if g.batches[to] == b {
		delete(g.batches, to)
	}
	g.mu.Unlock()
	b.errs = make([]error, len(b.bodies))
	// Not the handler's context: what was read is stored while the relay ends.
	ctx, cancel := context.WithTimeout(context.Background(), putTime)
	defer cancel()
	g.storeAll(ctx, to, b.bodies, b.errs)
}

// storeAll stores bodies in one batch, or in two and so on while a batch is too large for
// the sink, sets the error of each, and counts their events. Those that ctx leaves no
// time for fail.
func (g *gatherer) storeAll(ctx context.Context, to gatheredFor, bodies []gathered, errs []error) {
	err := context.Cause(ctx)
	if err == nil {
		err = safelog.Contain("relay: Handler.Events", func() error {
			return g.h.Events.Put(ctx, flush.Batch{Environment: to.environment, Route: to.route, Body: join(bodies), At: time.Now()})
		})
	}
	if half := len(bodies) / 2; half > 0 && errors.Is(err, flush.ErrTooLarge) {
		g.storeAll(ctx, to, bodies[:half], errs[:half])
		g.storeAll(ctx, to, bodies[half:], errs[half:])
		return
	}
	count := &g.h.events.accepted
	if err != nil {
		count = &g.h.events.refused
	}
	for i, b := range bodies {
		errs[i] = err
		count.Add(uint64(b.events))
	}
}

// join joins bodies to one JSON array.
func join(bodies []gathered) []byte {
	if len(bodies) == 1 {
		return bodies[0].text
	}
	size := 1
	for _, b := range bodies {
		size += len(b.text)
	}
	out := append(make([]byte, 0, size), '[')
	for _, b := range bodies {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, bytes.TrimSpace(b.text[1:len(b.text)-1])...)
	}
	return append(out, ']')
}

// rates limit the bytes of each key.
type rates struct {
	mu   sync.Mutex
	keys map[[sha256.Size]byte]*bucket
}

// bucket has the bytes that a key may still send.
type bucket struct {
	left float64
	at   time.Time
}

// take takes bytes from the bucket of a key, and reports whether there were enough.
func (l *rates) take(key string, n, rate int) bool {
	if rate < 0 {
		return true
	}
	sum := sha256.Sum256([]byte(key))
	most := float64(rate) * rateWindow.Seconds()
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.keys[sum]
	if b == nil {
		if l.keys == nil || len(l.keys) >= maxRates {
			l.keys = make(map[[sha256.Size]byte]*bucket)
		}
		b = &bucket{most, now}
		l.keys[sum] = b
	}
	b.left = min(most, b.left+now.Sub(b.at).Seconds()*float64(rate))
	b.at = now
	if b.left < min(float64(n), most) {
		return false
	}
	b.left -= float64(n)
	return true
}

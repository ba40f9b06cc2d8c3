package relay

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/admin"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

const (
	// defaultInterval is the usual time between refreshes of a client.
	defaultInterval = 2 * time.Second
	// defaultWebsockets is the usual maximum number of websockets.
	defaultWebsockets = 20_000
	// defaultEventRate is the usual limit of a key's events, in bytes per second.
	defaultEventRate = 5 << 20
	// maxKey is the size of the longest key, in bytes.
	maxKey = 1 << 10
	// retryIn is the Retry-After of a response without data, in seconds.
	retryIn = "2"
	// refreshTime bounds one refresh of a client.
	refreshTime = 10 * time.Second
)

// Handler serves environments over HTTP to server-side SDKs of both platforms, and
// to the readers of package fleet. SDKs use it as if it were the platform: its
// address is their base URL, and a key is their environment secret. Reader and Keys
// are required. The fields must not change after the first request. The caller must
// call Close.
//
// It answers websockets and polling of both platforms, and takes their events. It
// does not serve client-side SDKs, such as those of browsers: they use the platform.
// Data that is old is served nevertheless; the headers Age and Ffc-As-Of say how
// old. Before there is data, it responds with 503, or closes websockets with 1001.
type Handler struct {
	// Reader returns the client that has the data of an environment; false if the
	// environment is not served. It is called for each request, and must not block.
	// A client that works on demand is refreshed every Interval, and before a client
	// that has newer data is sent away: its transport's MaxAge should be a few
	// milliseconds.
	Reader func(environment string) (*ffc.Client, bool)
	// Keys returns the environment that a key opens; false if the key is unknown or
	// has ended. It is called for each request, and every 5 s for each websocket: a
	// websocket whose key has ended is closed. It must not block. Type Keys has such
	// a method.
	Keys func(key string) (environment string, ok bool)
	// Engine returns the engine of an environment, for GET /fleet/<environment>/…,
	// which fleet.HTTP reads; false if there is none. nil switches this off. It must
	// not block.
	Engine func(environment string) (fleet.Backend, bool)
	// Events gets the bodies of events. Requests wait until they are stored, at most
	// 10 s. While bodies with 64 MiB together wait, further ones get 503. nil answers all
	// events with 503.
	Events flush.Sink
	// EventRate is how many bytes of events are accepted for one key per second, on
	// average over 2 s. 0 is 5 MiB; negative is no limit.
	EventRate int
	// Interval is the time between refreshes of clients that work on demand. 0 is
	// 2 s.
	Interval time.Duration
	// MaxWebsockets is the maximum number of websockets; further ones are closed with
	// code 1001. 0 is 20,000.
	MaxWebsockets int
	// Logger logs changes of state. nil is what slog.Default returns when a line is
	// logged.
	Logger *slog.Logger

	once    sync.Once
	log     *slog.Logger
	ctx     context.Context // ends at Close
	cancel  context.CancelFunc
	running sync.WaitGroup // rooms, requests of websockets, gatherings
	counts  [routes][statuses]atomic.Uint64
	refused atomic.Int64 // websockets that are being refused
	events  eventCounts
	gather  gatherer
	rates   rates
	cache   engineCache
	agents  agents
	wires   sync.Map // by environment, of those that Keys has returned

	mu       sync.RWMutex
	rooms    map[string]*room // by environment
	sockets  int
	draining bool
	closed   bool
}

// route is what is requested.
type route uint8

const (
	routePoll route = iota
	routeStream
	routeEvents
	routeFleet
	routeOther
	routes
)

// String returns the name in metrics.
func (r route) String() string {
	return [routes]string{"poll", "stream", "events", "fleet", "other"}[r]
}

// codes are the statuses that responses have, in ascending order.
var codes = [...]int{101, 200, 304, 400, 401, 404, 405, 413, 415, 429, 500, 503}

const statuses = len(codes)

// HandlerStats counts the work of a Handler.
type HandlerStats struct {
	// Websockets is the number of open websockets, by environment.
	Websockets map[string]int
	// Lag is how far the reader that is furthest behind was within the last one to
	// two minutes, by environment: the age of its revision when it reported it in
	// the header Ffc-Revision, relative to the relay's.
	Lag map[string]time.Duration
	// Requests counts responses. The status of a websocket is 101, also if it is
	// closed at once.
	Requests []RequestCount
	// Clients counts clients by their User-Agent, sorted by it. Beyond 100 different
	// ones they count as "other".
	Clients []ClientCount
	// EventsAccepted counts events that were stored, and EventsRefused those that the
	// sink did not store. Bodies that are rejected before their events are counted, such
	// as malformed ones, are in Requests only.
	EventsAccepted, EventsRefused uint64
}

// RequestCount is how many responses had a status.
type RequestCount struct {
	Route  string // poll, stream, events, fleet or other
	Status int
	Count  uint64
}

// ClientCount is how many clients had a User-Agent.
type ClientCount struct {
	Agent      string // or X-User-Agent, at most 80 characters
	Websockets int    // open at present
	Polls      uint64 // so far, those of package fleet included
}

// Stats returns the counts so far. It may be called concurrently.
func (h *Handler) Stats() HandlerStats {
	h.start()
	s := HandlerStats{Websockets: make(map[string]int), Lag: make(map[string]time.Duration)}
	h.mu.RLock()
	for name, r := range h.rooms {
		s.Websockets[name] = r.count()
		s.Lag[name] = r.lag.most()
	}
	h.mu.RUnlock()
	for r := range routes {
		for i, status := range codes {
			if n := h.counts[r][i].Load(); n > 0 {
				s.Requests = append(s.Requests, RequestCount{r.String(), status, n})
			}
		}
	}
	s.Clients = h.agents.list()
	s.EventsAccepted, s.EventsRefused = h.events.accepted.Load(), h.events.refused.Load()
	return s
}

// count counts a response.
func (h *Handler) count(r route, status int) {
	for i, code := range codes {
		if code >= status {
			h.counts[r][i].Add(1)
			return
		}
	}
}

// start sets what is needed before the first request.
func (h *Handler) start() {
	h.once.Do(func() {
		to := h.Logger
		if to == nil {
			to = safelog.Default()
		}
		h.log, _ = safelog.New(to)
		h.ctx, h.cancel = context.WithCancel(context.Background())
		h.rooms = make(map[string]*room)
		if h.Interval <= 0 {
			h.Interval = defaultInterval
		}
		if h.MaxWebsockets == 0 {
			h.MaxWebsockets = defaultWebsockets
		}
		if h.EventRate == 0 {
			h.EventRate = defaultEventRate
		}
		h.gather.init(h)
	})
}

// begin counts work that Close waits for. It returns false after Close.
func (h *Handler) begin() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.closed {
		return false
	}
	h.running.Add(1)
	return true
}

// Close cuts all websockets, aborts requests that wait, and returns when all
// goroutines of the handler have ended. Requests after Close are aborted. Further
// calls do the same.
func (h *Handler) Close() {
	h.start()
	h.mu.Lock()
	h.closed = true
	rooms := slices.Collect(maps.Values(h.rooms))
	h.mu.Unlock()
	h.cancel()
	for _, r := range rooms {
		for _, m := range r.end() {
			m.socket.Cut()
		}
	}
	h.running.Wait()
}

// Drain closes all websockets with code 1001, evenly over a time, so that their
// clients connect elsewhere one after the other. New websockets are refused in the
// same way; other requests are served as before. Drain returns when all websockets
// have ended, or with the error of ctx.
func (h *Handler) Drain(ctx context.Context, over time.Duration) error {
	h.start()
	h.mu.Lock()
	h.draining = true
	var all []*member
	for _, r := range h.rooms {
		all = r.appendMembers(all)
	}
	h.mu.Unlock()
	tick := time.NewTicker(max(over/time.Duration(max(len(all), 1)), time.Millisecond))
	defer tick.Stop()
	began := time.Now()
	closed := 0
	for closed < len(all) {
		due := len(all)
		if over > 0 {
			due = min(due, 1+int(float64(len(all))*float64(time.Since(began))/float64(over)))
		}
		for ; closed < due; closed++ {
			all[closed].end(closeRestart)
		}
		if closed == len(all) {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for {
		h.mu.RLock()
		left := h.sockets
		h.mu.RUnlock()
		if left == 0 {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// wires are what the platforms' servers read and write.
var wires = sync.OnceValue(func() []*platformserver.Wire {
	return []*platformserver.Wire{platformserver.Classic(), platformserver.FeatBit()}
})

// wireOf returns the wire of an environment that Keys has returned, by its name; nil
// if its name fits no platform.
func (h *Handler) wireOf(environment string) *platformserver.Wire {
	if known, ok := h.wires.Load(environment); ok {
		return known.(*platformserver.Wire)
	}
	var found *platformserver.Wire
	p := admin.ProtocolOfEnvironment(environment)
	for _, w := range wires() {
		if p != nil && w.Name == p.Name {
			found = w
		}
	}
	h.wires.Store(environment, found)
	return found
}

// ServeHTTP handles one request. It returns when the response is written or the
// websocket has ended. Websockets need connections that can be hijacked, that is
// HTTP/1.1.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.start()
	if h.ctx.Err() != nil {
		panic(http.ErrAbortHandler)
	}
	path := r.URL.Path
	if path == platformserver.StreamingPath {
		h.serveStream(w, r)
		return
	}
	for _, wire := range wires() {
		switch {
		case path == wire.EventsPath:
			h.serveEvents(w, r, wire)
			return
		case path == wire.PollPaths[0], path == wire.PollPaths[len(wire.PollPaths)-1]:
			h.servePoll(w, r, wire)
			return
		}
	}
	if rest, ok := strings.CutPrefix(path, "/fleet/"); ok && h.Engine != nil {
		h.serveFleet(w, r, rest)
		return
	}
	text := "404 page not found"
	if strings.Contains(path, "/sdk/client/") {
		text = "a relay serves server-side SDKs only: client-side SDKs use the platform"
	}
	h.respond(w, routeOther, http.StatusNotFound, text)
}

// respond writes a response without data.
func (h *Handler) respond(w http.ResponseWriter, r route, status int, text string) {
	if text != "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		text += "\n"
	}
	if (status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests) && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", retryIn)
	}
	h.count(r, status)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client may be gone
}

// allow reports whether a request has one of the methods, and responds otherwise.
func (h *Handler) allow(w http.ResponseWriter, r *http.Request, of route, methods ...string) bool {
	for _, m := range methods {
		if r.Method == m {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	h.respond(w, of, http.StatusMethodNotAllowed, "")
	return false
}

// environmentOf returns the environment that a key opens, if the environment is of
// a platform.
func (h *Handler) environmentOf(key string, wire *platformserver.Wire) (string, bool) {
	if key == "" || len(key) > maxKey {
		return "", false
	}
	environment, ok := h.Keys(key)
	if !ok {
		return "", false
	}
	if of := h.wireOf(environment); of != nil && of != wire {
		return "", false
	}
	return environment, true
}

// roomOf returns the room of an environment; nil if it is not served.
func (h *Handler) roomOf(environment string) *room {
	client, ok := h.Reader(environment)
	if !ok || client == nil {
		return nil
	}
	h.mu.RLock()
	r := h.rooms[environment]
	h.mu.RUnlock()
	if r == nil {
		if r = h.open(environment); r == nil {
			return nil
		}
	}
	r.follow(client)
	return r
}

// Refresh makes the handler serve an environment before the first request for it, and
// refreshes its client now, as when its engine has reported a change. It does not
// block, and may be called concurrently.
func (h *Handler) Refresh(environment string) {
	h.start()
	if room := h.roomOf(environment); room != nil {
		select {
		case room.nudge <- struct{}{}:
		default: // about to refresh
		}
	}
}

// open returns the room of an environment, which it makes if there is none. It
// returns nil after Close.
func (h *Handler) open(environment string) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	r := h.rooms[environment]
	if r == nil {
		r = newRoom(h, environment)
		h.rooms[environment] = r
		h.running.Go(r.refresh)
		h.running.Go(r.watch)
	}
	return r
}

// report notes the revision that a reader reports.
func (r *room) report(header http.Header) {
	text := header.Get("Ffc-Revision")
	if text == "" {
		return
	}
	lineage, number, _ := strings.Cut(text, "/")
	revision, err := strconv.ParseInt(number, 10, 64)
	source := r.source()
	if err != nil || lineage != source.Lineage {
		return
	}
	r.lag.note(time.Duration(max(source.Revision-revision, 0)) * time.Millisecond)
}

const (
	// maxAgents is how many different User-Agents are counted, and maxAgent how long
	// they are.
	maxAgents = 100
	maxAgent  = 80
)

// agents counts clients by their User-Agent.
type agents struct {
	mu     sync.RWMutex
	counts map[string]*agentCount
}

type agentCount struct {
	websockets atomic.Int64
	polls      atomic.Uint64
}

// of returns the count of the client that sent r.
func (a *agents) of(r *http.Request) *agentCount {
	name := cmp.Or(r.Header.Get("X-User-Agent"), r.Header.Get("User-Agent"), "unknown")
	name = name[:min(len(name), maxAgent)]
	a.mu.RLock()
	c := a.counts[name]
	a.mu.RUnlock()
	if c != nil {
		return c
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.counts == nil {
		a.counts = make(map[string]*agentCount)
	}
	if len(a.counts) >= maxAgents {
		name = "other"
	}
	if a.counts[name] == nil {
		a.counts[name] = new(agentCount)
	}
	return a.counts[name]
}

func (a *agents) list() []ClientCount {
	a.mu.RLock()
	defer a.mu.RUnlock()
	out := make([]ClientCount, 0, len(a.counts))
	for name, c := range a.counts {
		out = append(out, ClientCount{strings.ToValidUTF8(name, "?"), int(c.websockets.Load()), c.polls.Load()})
	}
	slices.SortFunc(out, func(a, b ClientCount) int { return strings.Compare(a.Agent, b.Agent) })
	return out
}

// lagMeter keeps the greatest lag of the last one to two minutes.
type lagMeter struct {
	mu           sync.Mutex
	since        time.Time
	now, earlier time.Duration
}

func (m *lagMeter) turn() {
	switch age := time.Since(m.since); {
	case age >= 2*time.Minute:
		m.now, m.earlier, m.since = 0, 0, time.Now()
	case age >= time.Minute:
		m.now, m.earlier, m.since = 0, m.now, m.since.Add(time.Minute)
	}
}

func (m *lagMeter) note(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn()
	// A reader that is a day behind was away for longer than revisions tell.
	m.now = max(m.now, min(d, 24*time.Hour))
}

func (m *lagMeter) most() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn()
	return max(m.now, m.earlier)
}

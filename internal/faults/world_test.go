package faults_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/faults"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// platformCase is a platform on which all scenarios run.
type platformCase struct {
	name     string
	platform ffc.Platform
	// server starts a platform with data in bootstrap form.
	server func(data []byte) *ffctest.Server
	// snapshot is a message with everything, patch one with changes.
	snapshot func(items ...ffctest.Item) []byte
	// changes: a client that comes back asks for changes only.
	changes bool
}

var allPlatforms = []platformCase{
	{name: "classic", platform: ffc.PlatformClassic,
		server:   func(data []byte) *ffctest.Server { return ffctest.NewServer(data) },
		snapshot: func(items ...ffctest.Item) []byte { return ffctest.Snapshot(items...) }},
	{name: "featbit", platform: ffc.PlatformFeatBit, changes: true,
		server:   func(data []byte) *ffctest.Server { return ffctest.FeatBit.NewServer(data) },
		snapshot: func(items ...ffctest.Item) []byte { return ffctest.FeatBit.Snapshot(items...) }},
}

// patch is one message with the changes of several.
func (g *platformCase) patch(changes ...[]ffctest.Item) []byte {
	type message struct {
		MessageType string `json:"messageType"`
		Data        struct {
			EventType    string            `json:"eventType"`
			FeatureFlags []json.RawMessage `json:"featureFlags"`
			Segments     []json.RawMessage `json:"segments"`
		} `json:"data"`
	}
	var all message
	var flags []json.RawMessage
	for _, items := range changes {
		var one message
		_ = json.Unmarshal(g.snapshot(items...), &one)
		flags = append(flags, one.Data.FeatureFlags...)
		all = one
	}
	all.Data.EventType, all.Data.FeatureFlags = "patch", flags
	text, _ := json.Marshal(all)
	return text
}

// mode is a way to get data.
type mode struct {
	name      string
	socket    bool // by websocket, if it can
	onDemand  bool
	fallback  bool // by polling, if it cannot
	transport func() transport.Transport
}

const (
	firstRetry = 5 * time.Millisecond
	maxRetry   = 20 * time.Millisecond
	ping       = 80 * time.Millisecond
	silence    = 500 * time.Millisecond
	connecting = 800 * time.Millisecond
	resync     = 50 * time.Millisecond
)

func push() *stream.Transport {
	return &stream.Transport{
		PingInterval: ping, SilenceTimeout: silence, ConnectTimeout: connecting,
		FirstRetry: firstRetry, MaxRetry: maxRetry, MaxMessage: 1 << 20, Resync: resync,
	}
}

func requests() *poll.Transport {
	return &poll.Transport{
		MaxAge: time.Millisecond, Budget: 50 * time.Millisecond, Timeout: connecting,
		FirstRetry: firstRetry, MaxRetry: maxRetry, MaxMessage: 1 << 20, Resync: resync,
	}
}

var (
	streaming = mode{name: "stream", socket: true, transport: func() transport.Transport { return push() }}
	dialling  = mode{name: "stream on demand", socket: true, onDemand: true, transport: func() transport.Transport {
		t := push()
		t.OnDemand, t.MaxAge, t.Budget = true, time.Millisecond, 50*time.Millisecond
		return t
	}}
	falling = mode{name: "stream with fallback", socket: true, fallback: true, transport: func() transport.Transport {
		t, second := push(), requests()
		second.Interval = 25 * time.Millisecond
		t.Fallback, t.FallbackAfter = second, 20*time.Millisecond
		return t
	}}
	asking  = mode{name: "poll on demand", onDemand: true, transport: func() transport.Transport { return requests() }}
	polling = mode{name: "poll at an interval", transport: func() transport.Transport {
		t := requests()
		t.Interval = 25 * time.Millisecond
		return t
	}}

	sockets = []*mode{&streaming, &dialling, &falling}
	pushing = []*mode{&streaming, &falling}
	all     = []*mode{&streaming, &dialling, &falling, &asking, &polling}
)

// world is a client, a platform, and a network between them that breaks.
type world struct {
	*testing.T
	on     *platformCase
	mode   *mode
	config ffc.Config
	tls    *tls.Config // of the proxy

	server    *ffctest.Server
	servers   []*ffctest.Server // all there were
	proxy     *faults.Proxy
	client    *ffc.Client
	log       logs
	absent    atomic.Bool // flags need not be found
	works     atomic.Bool
	tunnel    *tunnel // an HTTP proxy
	closeIdle func()  // closes idle connections of the application's
	secured
	impostor *faults.Liar
	resume   func() // ends a stall that began before the client did

	mu     sync.Mutex
	told   []ffc.Status // by OnStatus
	legal  map[string]bool
	stop   chan struct{}
	work   sync.WaitGroup
	halt   func() // ends the work
	rounds atomic.Int64
	metric int // the last that was recorded
	// rejected is how many events the platform rejects by themselves.
	rejected uint64
}

// What must never be in a log or an error.
const (
	userKey   = "user-key-8c1f"
	userEmail = "mail-8c1f@example.com"
	userPlan  = "plan-8c1f"
)

var worldUser = ffc.NewUser(userKey, ffc.Email(userEmail), ffc.String("plan", userPlan))

// flags are the environment when "release" has a value. Both are there by
// different ways.
func (w *world) flags(value string) []ffctest.Item {
	w.allow(value)
	values := []string{"v0", "v1", "v2", "v3", "off"}
	return []ffctest.Item{
		ffctest.Flag("release").Variations(values...).Serve(value),
		ffctest.Flag("targeted").Variations(values...).Target(value, userKey).Serve("off"),
	}
}

// allow makes a value legal.
func (w *world) allow(value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.legal == nil {
		w.legal = make(map[string]bool)
	}
	w.legal[value] = true
}

func newWorld(t *testing.T, g *platformCase, m *mode) *world {
	w := &world{T: t, on: g, mode: m, stop: make(chan struct{})}
	w.halt = sync.OnceFunc(func() {
		close(w.stop)
		w.work.Wait()
	})
	t.Cleanup(w.end)
	w.run(g.server(g.snapshot(w.flags("v0")...)))
	w.config = ffc.Config{
		Platform:  g.platform,
		EnvSecret: w.server.EnvSecret,
		Transport: m.transport(),
		StartWait: 10 * time.Second,
		Events:    flush.Config{Interval: 10 * time.Millisecond, BatchSize: 25, Retries: 1, RetryWait: time.Millisecond, Timeout: connecting},
		Logger:    slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	return w
}

// run puts a server in the place of the one that is there.
func (w *world) run(next *ffctest.Server) {
	w.server = next
	if !slices.Contains(w.servers, next) {
		w.servers = append(w.servers, next)
	}
	if w.proxy != nil {
		w.proxy.Target(next.URL)
	}
}

// open starts everything.
func (w *world) open() {
	w.Helper()
	w.network()
	w.config.BaseURL = w.proxy.URL()
	client, err := ffc.New(w.Context(), w.config)
	if err != nil {
		w.Fatal(err)
	}
	w.client = client
	client.OnStatus(func(s ffc.Status) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told = append(w.told, s)
	})
	w.work.Go(w.evaluate)
	if w.mode.onDemand {
		w.work.Go(w.refresh)
	}
}

// network puts the proxy in place.
func (w *world) network() {
	w.Helper()
	if w.proxy != nil {
		return
	}
	var err error
	if w.proxy, err = faults.NewProxy(w.server.URL, w.tls); err != nil {
		w.Fatal(err)
	}
}

// evaluate evaluates all the time, and records a numbered event each time.
func (w *world) evaluate() {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	had := false
	for {
		for _, key := range []string{"release", "targeted"} {
			d := w.client.VariationDetail(w.Context(), key, worldUser, "fallback")
			w.mu.Lock()
			legal := w.legal[d.Value]
			w.mu.Unlock()
			switch {
			case legal && d.Err == nil && (d.Reason == ffc.ReasonFallthrough || d.Reason == ffc.ReasonTargetMatch):
				had = true
			case w.absent.Load() && d.Value == "fallback" && d.Reason == ffc.ReasonFlagNotFound:
			case !had && d.Value == "fallback" && d.Reason == ffc.ReasonClientNotReady:
			default:
				w.Errorf("%s is %q, with the reason %q", key, d.Value, d.Reason)
				return
			}
		}
		w.metric++
		if err := w.client.TrackMetric(w.Context(), worldUser, "metric", float64(w.metric)); err != nil {
			w.Errorf("metric %d: %v", w.metric, err)
		}
		w.rounds.Add(1)
		select {
		case <-tick.C:
		case <-w.stop:
			return
		}
	}
}

// refresh is the units of work that a client on demand is there for.
func (w *world) refresh() {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = w.client.Refresh(w.Context())
		case <-w.stop:
			return
		}
	}
}

// recovery is how long a world may take to become what a scenario waits for. It
// only has to end: the machine may be busy.
const recovery = time.Minute

// until waits for something.
func (w *world) until(what string, holds func() bool) {
	w.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(recovery)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			w.Fatalf("%s: not in %v. Status: %+v\nstats: %+v\n%s", what, recovery, w.client.Status(), w.client.Stats(), w.log.String())
		}
	}
}

// evaluates waits until some more evaluations have been answered.
func (w *world) evaluates() {
	w.Helper()
	from := w.rounds.Load()
	w.until("evaluations go on", func() bool { return w.rounds.Load() >= from+3 })
}

// kind is the kind of the error that the status has now.
func (w *world) kind() transport.Kind { return kindOf(w.client.Status().Err) }

func kindOf(err error) transport.Kind {
	if failed, ok := err.(*transport.Error); ok {
		return failed.Kind
	}
	return ""
}

// suffers waits until the client says that its data may be old, and why. What
// has a fallback may not suffer at all.
func (w *world) suffers(kinds ...transport.Kind) {
	w.Helper()
	if w.mode.fallback {
		w.attempts()
		return
	}
	w.until(fmt.Sprintf("interrupted because of %q", kinds), func() bool {
		s := w.client.Status()
		return s.State == ffc.StateInterrupted && slices.Contains(kinds, kindOf(s.Err))
	})
	w.evaluates()
}

// attempts waits for some more attempts of the transport.
func (w *world) attempts() {
	w.Helper()
	from := w.client.Stats().Transport.Failures
	w.until("the transport tries", func() bool {
		return w.client.Stats().Transport.Failures >= from+1 || w.client.Status().Fallback
	})
	w.evaluates()
}

// thrives checks that the client has noticed nothing.
func (w *world) thrives() {
	w.Helper()
	w.evaluates()
	if s := w.client.Status(); s.State != ffc.StateOK {
		w.Errorf("status: %+v", s)
	}
}

// put changes the flags.
func (w *world) put(value string) {
	w.server.Put(w.flags(value)...)
}

// heals waits until the client is right again: it has the server's data, serves
// it and says so.
func (w *world) heals(value string) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), recovery)
	defer cancel()
	if err := w.server.WaitSynced(ctx, w.client); err != nil {
		w.Fatalf("%v. Status: %+v\n%s", err, w.client.Status(), w.log.String())
	}
	w.until("the state is OK", func() bool {
		s := w.client.Status()
		return s.State == ffc.StateOK && s.Err == nil
	})
	for key, reason := range map[string]ffc.Reason{"release": ffc.ReasonFallthrough, "targeted": ffc.ReasonTargetMatch} {
		if d := w.client.VariationDetail(w.Context(), key, worldUser, "fallback"); d.Value != value || d.Reason != reason || d.Err != nil {
			w.Errorf("%s is %+v, expected %q", key, d, value)
		}
	}
	if w.mode.onDemand || !w.mode.socket {
		return
	}
	// The socket is back, not only the data.
	if err := w.server.WaitConnections(ctx, 1); err != nil {
		w.Error(err)
	}
	w.until("the socket serves", func() bool { return !w.client.Status().Fallback })
}

// close ends everything and does the books.
func (w *world) close() {
	w.Helper()
	w.halt()
	w.proxy.Set(faults.Fault{})
	w.until("the events leave", func() bool { return w.client.Flush(w.Context()) == nil })
	if err := w.client.Close(w.Context()); err != nil {
		w.Errorf("Close: %v", err)
	}
	w.books()
	if s := w.client.Status(); s.State != ffc.StateOff || s.Err != ffc.ErrClosed {
		w.Errorf("closed: %+v", s)
	}
	w.mu.Lock()
	for _, s := range w.told {
		if s.State == ffc.StateInitializing && w.config.StartWait > 0 || s.State == ffc.StateOff && s.Err != ffc.ErrClosed {
			w.Errorf("OnStatus reported %+v", s)
		}
	}
	w.mu.Unlock()
	w.end()
	w.log.check(w.T, w.config.EnvSecret)
}

// end ends everything, also after a failure: a world that goes on would slow the
// others down until they fail, too.
func (w *world) end() {
	w.halt()
	if w.client != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = w.client.Close(ctx)
	}
	if w.proxy != nil {
		w.proxy.Close()
	}
	for _, server := range w.servers {
		server.Close()
	}
	if w.impostor != nil {
		w.impostor.Close()
	}
	if w.tunnel != nil {
		w.tunnel.close()
	}
	if w.closeIdle != nil {
		w.closeIdle()
	}
}

// books checks that every event has arrived, each user's in order, and none
// twice but those that count as such.
func (w *world) books() {
	w.Helper()
	stats := w.client.Stats().Events
	if stats.Recorded != stats.Delivered+w.rejected || stats.Queued != 0 ||
		stats.Dropped.Rejected != w.rejected || stats.Dropped.Total() != w.rejected {
		w.Errorf("the books say %+v", stats)
	}
	var arrived uint64
	seen := make(map[float64]bool)
	for _, server := range w.servers {
		last := 0.0
		for _, e := range server.Events() {
			arrived++
			if e.Metric == "" || seen[e.MetricValue] {
				continue
			}
			if e.MetricValue < last {
				w.Errorf("metric %v arrived after %v", e.MetricValue, last)
			}
			last, seen[e.MetricValue] = e.MetricValue, true
		}
	}
	if len(seen) != w.metric {
		w.Errorf("%d of %d metrics arrived", len(seen), w.metric)
	}
	if arrived < stats.Delivered || arrived > stats.Delivered+stats.Resent {
		w.Errorf("%d events arrived; %d count as delivered, %d as sent again", arrived, stats.Delivered, stats.Resent)
	}
}

// logs is a log that is looked through for secrets.
type logs struct{ testkit.Log }

func (l *logs) check(t *testing.T, secret string) {
	t.Helper()
	text := l.String()
	for _, private := range []string{strings.TrimRight(secret, "="), "token=", userKey, userEmail, userPlan, proxyPassword} {
		if strings.Contains(text, private) {
			t.Errorf("the log has %q:\n%s", private, text)
		}
	}
	if len(text) > 64<<10 {
		t.Errorf("the log has %d bytes", len(text))
	}
}

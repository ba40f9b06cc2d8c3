package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/admin"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// service serves environments to SDKs and readers.
type service struct {
	s       *supervisor
	log     *slog.Logger
	handler *relay.Handler
	http    *http.Server
	ended   chan struct{} // closed when http has ended
	keys    atomic.Pointer[relay.Keys]
	waits   atomic.Pointer[settings]
	closing sync.WaitGroup

	mu      sync.RWMutex
	readers map[string]*engineReader // by name in the configuration
	served  map[string]*engineReader // by environment
}

// engineReader is an environment that is served.
type engineReader struct {
	key         string // everything that makes it what it is
	environment string
	began       time.Time
	err         error       // why it is not served
	client      *ffc.Client // nil with err
	engine      fleet.Backend
	stop        context.CancelFunc
	watching    sync.WaitGroup
	release     func()
}

// newService serves on a listener until close.
func newService(s *supervisor, c *config, listener net.Listener, queue flush.Queue) *service {
	v := &service{s: s, log: s.log, ended: make(chan struct{}), readers: make(map[string]*engineReader), served: make(map[string]*engineReader)}
	v.keys.Store(c.serving.keys)
	v.waits.Store(&c.serving.settings)
	v.handler = &relay.Handler{
		Reader: func(environment string) (*ffc.Client, bool) {
			r := v.reader(environment)
			if r == nil || r.client == nil {
				return nil, false
			}
			return r.client, true
		},
		Keys: func(key string) (string, bool) { return v.keys.Load().Environment(key) },
		Engine: func(environment string) (fleet.Backend, bool) {
			r := v.reader(environment)
			if r == nil || r.engine == nil {
				return nil, false
			}
			return r.engine, true
		},
		Interval: c.serving.refresh,
		Logger:   s.log,
	}
	if queue != nil {
		v.handler.Events = queue
	}
	v.http = newHTTP(v.handler)
	v.http.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // clients go away
	go func() {
		defer close(v.ended)
		_ = v.http.Serve(listener) // until close
	}()
	if s.publishes {
		v.closing.Go(v.follow)
	}
	return v
}

// followEvery is how soon what this process publishes is served.
const followEvery = 100 * time.Millisecond

// follow refreshes each environment when this process has published it, until close.
func (v *service) follow() {
	served := make(map[string]int64)
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-v.ended:
			return
		case <-tick.C:
		}
		for environment, revision := range v.s.revisions() {
			if served[environment] != revision {
				served[environment] = revision
				v.handler.Refresh(environment)
			}
		}
	}
}

func (v *service) reader(environment string) *engineReader {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.served[environment]
}

// apply serves the environments of a configuration, with its keys. The lock of the
// supervisor is held.
func (v *service) apply(c *config, from *engines) (problem error) {
	v.keys.Store(c.serving.keys)
	v.waits.Store(&c.serving.settings)
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, r := range v.readers {
		if _, ok := c.environments[name]; !ok {
			v.log.Info("ffc: environment removed", "environment", name)
			v.remove(name, r)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.environments)) {
		e := c.environments[name]
		err := c.broken[name]
		old := v.readers[name]
		key := c.readerKey(e)
		if old != nil && old.key == key && err == nil && old.err == nil {
			continue
		}
		r := &engineReader{key: key, environment: e.environment, began: time.Now(), stop: func() {}, release: func() {}}
		if err == nil {
			err = v.open(c, e, r, from)
		}
		if err != nil {
			problem = err
			v.log.Error("ffc: the environment cannot be served", "environment", name, "error", err)
			if old != nil && old.client != nil { // the old one goes on
				continue
			}
			r.err = err
		}
		if old != nil {
			v.remove(name, old)
		}
		v.readers[name] = r
		if r.client != nil {
			v.closing.Go(func() { v.handler.Refresh(r.environment) }) // it takes v.mu
		}
	}
	// Two names may have the same environment: the first is served.
	clear(v.served)
	for _, name := range slices.Sorted(maps.Keys(v.readers)) {
		if r := v.readers[name]; r.client != nil && v.served[r.environment] == nil {
			v.served[r.environment] = r
		}
	}
	return problem
}

// readerKey has everything that makes the reader of an environment what it is.
func (c *config) readerKey(e environmentConfig) string {
	parts := []string{e.environment, e.platform}
	for _, name := range e.allEngines() {
		parts = append(parts, c.engineKey(name))
	}
	return fmt.Sprintf("%q", parts)
}

// open opens the engines and the client of an environment.
func (v *service) open(c *config, e environmentConfig, r *engineReader, from *engines) error {
	engine, mirrors, release, err := c.backends(e, from)
	if err != nil {
		return err
	}
	protocol := admin.ProtocolOfEnvironment(e.environment)
	if protocol == nil {
		release()
		return fmt.Errorf("environments.%s.environment: unknown platform: expected FF__account__project__environment for featureflag.co, a GUID for FeatBit", e.name)
	}
	backends := append([]fleet.Backend{engine}, mirrors...)
	r.client, err = ffc.New(context.Background(), ffc.Config{
		Platform: ffc.Platform(protocol.Name), StartWait: -1, Events: flush.Config{Disabled: true}, Logger: v.log,
		// The handler decides when the engine is read.
		Transport: &fleet.Transport{
			Environment: e.environment, Backends: backends, MaxAge: 5 * time.Millisecond, Budget: 10 * time.Second, FirstRetry: 100 * time.Millisecond, MaxRetry: 2 * time.Second,
		},
	})
	if err != nil {
		release()
		return err
	}
	r.engine, r.release = engine, release
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	for _, b := range backends {
		if w, ok := partsOf(b)[0].(fleet.Watcher); ok { // watching is not counted
			r.watching.Go(func() { v.watch(ctx, w, r.environment) })
		}
	}
	return nil
}

// watch refreshes an environment when its engine tells of a change, until ctx ends.
func (v *service) watch(ctx context.Context, w fleet.Watcher, environment string) {
	for ctx.Err() == nil {
		_ = w.Watch(ctx, fleetdata.Name(environment, fleetdata.HeadObject), func() { v.handler.Refresh(environment) })
		// Meanwhile the head is read at the usual interval.
		select {
		case <-ctx.Done():
		case <-time.After(time.Second + rand.N(4*time.Second)): // not all relays at once
		}
	}
}

// remove stops a reader. v.mu and the lock of the supervisor are held.
func (v *service) remove(name string, r *engineReader) {
	delete(v.readers, name)
	if v.served[r.environment] == r {
		delete(v.served, r.environment)
	}
	r.stop()
	v.closing.Go(func() {
		r.watching.Wait()
		if r.client != nil {
			ctx, cancel := context.WithTimeout(context.Background(), closeTime)
			defer cancel()
			_ = r.client.Close(ctx)
		}
		v.s.mu.Lock()
		defer v.s.mu.Unlock()
		r.release()
	})
}

// drain waits until load balancers have seen that /readyz fails, and then closes all
// websockets.
func (v *service) drain() {
	waits := v.waits.Load()
	v.log.Info("ffc: draining", "wait", waits.drainWait, "over", waits.drain)
	time.Sleep(waits.drainWait)
	ctx, cancel := context.WithTimeout(context.Background(), waits.drain+closeTime)
	defer cancel()
	_ = v.handler.Drain(ctx, waits.drain) // what is left is cut
}

// close answers the requests that have begun, and stops everything.
func (v *service) close() {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if v.http.Shutdown(ctx) != nil {
		_ = v.http.Close()
	}
	<-v.ended
	v.handler.Close()
	v.s.mu.Lock()
	v.mu.Lock()
	for name, r := range v.readers {
		v.remove(name, r)
	}
	v.mu.Unlock()
	v.s.mu.Unlock()
	v.closing.Wait()
}

// servedReport is what is served of an environment.
type servedReport struct {
	Revision   int64    `json:"revision,omitempty"`
	Age        *float64 `json:"ageSeconds,omitempty"`
	State      string   `json:"state"`
	Websockets int      `json:"websockets"`
	Lag        float64  `json:"reportedLagSeconds"`
	Error      string   `json:"error,omitempty"`
}

// report adds what is served to a report, and reports whether all of it has data, or
// an error, or could not get either in readyAfter.
func (v *service) report(out *report) (ready bool) {
	v.mu.RLock()
	readers := maps.Clone(v.readers)
	v.mu.RUnlock()
	stats := v.handler.Stats()
	for _, c := range stats.Clients {
		out.Clients = append(out.Clients, clientReport(c))
	}
	ready = true
	for name, r := range readers {
		e := out.Environments[name]
		if e == nil {
			e = new(environmentReport)
			out.Environments[name] = e
		}
		served := &servedReport{State: "off", Error: textOf(r.err), Websockets: stats.Websockets[r.environment], Lag: stats.Lag[r.environment].Seconds()}
		e.Served = served
		if r.client != nil {
			s := r.client.Status()
			served.State, served.Revision, served.Error = string(s.State), s.Source.Revision, textOf(s.Err)
			if s.DataAge > 0 {
				age := s.DataAge.Seconds()
				served.Age = &age
			}
			ready = ready && (served.Age != nil || time.Since(r.began) >= readyAfter)
		}
		if e.Environment == "" { // not published here
			e.Environment, e.Revision, e.Age, e.Error = r.environment, served.Revision, served.Age, served.Error
		}
	}
	return ready
}

// write writes the metrics of what is served; v may be nil.
func (v *service) write(x *exposition) {
	var stats relay.HandlerStats
	names := make(map[string]string) // of environments in the configuration
	if v != nil {
		stats = v.handler.Stats()
		v.mu.RLock()
		for name, r := range v.readers {
			if v.served[r.environment] == r {
				names[r.environment] = name
			}
		}
		v.mu.RUnlock()
	}
	x.begin(websockets)
	// An environment that has just been removed has no name any more.
	maps.DeleteFunc(stats.Websockets, func(environment string, _ int) bool { return names[environment] == "" })
	maps.DeleteFunc(stats.Lag, func(environment string, _ time.Duration) bool { return names[environment] == "" })
	for _, environment := range slices.Sorted(maps.Keys(stats.Websockets)) {
		x.sample(websockets.name, float64(stats.Websockets[environment]), "environment", names[environment])
	}
	x.begin(reportedLag)
	for _, environment := range slices.Sorted(maps.Keys(stats.Lag)) {
		x.sample(reportedLag.name, stats.Lag[environment].Seconds(), "environment", names[environment])
	}
	x.begin(responses)
	for _, r := range stats.Requests {
		x.sample(responses.name, float64(r.Count), "route", r.Route, "code", strconv.Itoa(r.Status))
	}
	x.begin(eventsTotal)
	x.sample(eventsTotal.name, float64(stats.EventsAccepted), "result", "accepted")
	x.sample(eventsTotal.name, float64(stats.EventsRefused), "result", "refused")
}

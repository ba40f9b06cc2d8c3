package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
)

// readyAfter is how long an environment without a result keeps /readyz failing: then
// the platform or the engine counts as unreachable.
const readyAfter = 30 * time.Second

// supervisor runs a publisher for each environment. An environment that fails affects no other.
type supervisor struct {
	log     *slog.Logger
	accept  bool
	adjust  func(name string, p *relay.Publisher)
	metrics metrics

	service    *service    // nil serves nothing
	forwarding *forwarding // nil forwards nothing
	publishes  bool
	files      bool       // the configuration can change
	noneUsable chan error // receives when no environment can be published, and that cannot change

	mu       sync.Mutex
	engines  engines
	running  map[string]*running
	problem  error // of the configuration that was read last
	ending   sync.WaitGroup
	draining atomic.Bool
}

// running is an environment.
type running struct {
	key       string // everything that makes it what it is
	began     time.Time
	publisher *relay.Publisher // nil if the configuration is invalid
	mirrors   []string         // names of the engines, in the order of publisher.Mirrors
	cancel    context.CancelFunc
	done      chan struct{}

	mu  sync.Mutex
	err error // why it does not run
}

func (r *running) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

func (r *running) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// publisher returns a publisher for an environment of a configuration.
func (c *config) publisher(e environmentConfig, log *slog.Logger, from *engines) (p *relay.Publisher, release func(), err error) {
	engine, mirrors, release, err := c.backends(e, from)
	if err != nil {
		return nil, release, err
	}
	return &relay.Publisher{
		Config:  ffc.Config{EnvSecret: e.secret, Platform: ffc.Platform(e.platform), BaseURL: e.url, StreamingURL: e.streaming, Logger: log},
		Backend: engine, Mirrors: mirrors, Beat: c.beat, Lease: c.lease, Keep: c.keep, Logger: log,
	}, release, nil
}

// environmentKey has everything that makes an environment what it is, but for the
// passwords of engines. It holds the environment secret.
func (c *config) environmentKey(e environmentConfig) string {
	parts := []string{e.secret, e.platform, e.url, e.streaming, fmt.Sprint(c.beat, c.lease, c.keep)}
	for _, name := range e.allEngines() {
		parts = append(parts, c.engineKey(name))
	}
	return fmt.Sprintf("%q", parts)
}

// apply starts, restarts and stops environments, so that those of the configuration
// run. Environments with unchanged settings keep running. An environment whose new
// settings are invalid keeps running with the old ones.
func (s *supervisor) apply(ctx context.Context, c *config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = nil
	s.engines.refresh(c)
	if s.running == nil {
		s.running = make(map[string]*running)
	}
	if s.service != nil {
		s.problem = s.service.apply(c, &s.engines)
	}
	if s.forwarding != nil {
		s.problem = cmp.Or(s.problem, s.forwarding.apply(c, &s.engines))
	}
	if !s.publishes {
		return
	}
	for name, r := range s.running {
		if e, ok := c.environments[name]; !ok || e.secret == "" && c.broken[name] == nil {
			s.log.Info("ffc: environment removed", "environment", name)
			r.cancel()
			delete(s.running, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.environments)) {
		e := c.environments[name]
		err := c.broken[name]
		if err == nil && e.secret == "" {
			continue // for commands that need no secret
		}
		old := s.running[name]
		key := c.environmentKey(e)
		if old != nil && old.key == key && err == nil {
			continue
		}
		var p *relay.Publisher
		release := func() {}
		if err == nil {
			p, release, err = c.publisher(e, s.log, &s.engines)
		}
		if err != nil {
			s.unusable(name, err)
			s.problem = err
			if old == nil || old.publisher == nil { // else the old one goes on
				s.running[name] = &running{began: time.Now(), err: err, cancel: func() {}}
			}
			continue
		}
		r := s.start(ctx, name, key, p, release, old)
		r.mirrors = e.mirrors
		s.running[name] = r
	}
	s.reportNoneUsable()
}

// start runs a publisher, once the old one has ended. The lock is held.
func (s *supervisor) start(ctx context.Context, name, key string, p *relay.Publisher, release func(), old *running) *running {
	p.Accept = s.accept
	if s.adjust != nil {
		s.adjust(name, p)
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &running{key: key, began: time.Now(), publisher: p, cancel: cancel, done: make(chan struct{})}
	if old != nil {
		old.cancel()
	}
	s.ending.Go(func() {
		defer close(r.done)
		defer cancel()
		if old != nil && old.done != nil {
			<-old.done
		}
		if err := p.Run(ctx); ctx.Err() == nil {
			r.fail(err)
			s.unusable(name, err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		release()
		s.reportNoneUsable()
	})
	return r
}

// unusable logs why an environment is not published.
func (s *supervisor) unusable(name string, err error) {
	event := "ffc: the environment cannot be published"
	if s.files {
		event += "; waiting for the configuration to change"
	}
	s.log.Error(event, "environment", name, "error", err)
}

// reportNoneUsable reports that no environment can be published, if nothing can change
// that. The lock is held.
func (s *supervisor) reportNoneUsable() {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.running)) {
		err := s.running[name].failed()
		if err == nil {
			return
		}
		errs = append(errs, fmt.Errorf("environments.%s: %s", name, strings.TrimPrefix(textOf(err), "relay: ")))
	}
	if !s.files && len(errs) > 0 {
		select {
		case s.noneUsable <- errors.Join(errs...):
		default:
		}
	}
}

// revisions returns the revisions of environments that publishers have seen last.
func (s *supervisor) revisions() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int64, len(s.running))
	for _, r := range s.running {
		if r.publisher != nil {
			status := r.publisher.Status()
			out[status.Environment] = status.Revision
		}
	}
	return out
}

// drain makes /readyz fail from now on.
func (s *supervisor) drain() { s.draining.Store(true) }

// endForwarding waits until forwarding has ended, and closes its engines.
func (s *supervisor) endForwarding() {
	s.forwarding.running.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forwarding.release()
}

// wait waits until all publishers have ended.
func (s *supervisor) wait() { s.ending.Wait() }

// reloadFailed keeps what runs, and reports the error.
func (s *supervisor) reloadFailed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = err
	s.log.Error("ffc: the configuration is invalid; the one before stays in effect", "error", err)
}

// report is what /status returns.
type report struct {
	Ready        bool                          `json:"ready"`
	Draining     bool                          `json:"draining,omitempty"`
	Config       string                        `json:"configError,omitempty"`
	Environments map[string]*environmentReport `json:"environments"`
	Clients      []clientReport                `json:"clients,omitempty"`
	Events       *eventsReport                 `json:"events,omitempty"`
}

// clientReport is how many clients of a relay have a User-Agent.
type clientReport struct {
	Agent      string `json:"agent"`
	Websockets int    `json:"websockets"`
	Polls      uint64 `json:"polls"`
}

// environmentReport is the state of an environment.
type environmentReport struct {
	Environment string         `json:"environment,omitempty"`
	Replica     string         `json:"replica,omitempty"`
	Leader      bool           `json:"leader"`
	Blind       bool           `json:"blind"`
	Held        int            `json:"held"`
	PinnedUntil *time.Time     `json:"pinnedUntil,omitempty"`
	Lineage     string         `json:"lineage,omitempty"`
	Revision    int64          `json:"revision,omitempty"`
	AsOf        *time.Time     `json:"asOf,omitempty"`
	Age         *float64       `json:"ageSeconds,omitempty"`
	Publishes   uint64         `json:"publishes"`
	Served      *servedReport  `json:"served,omitempty"`
	Mirrors     []mirrorReport `json:"mirrors,omitempty"`
	Error       string         `json:"error,omitempty"`
}

// mirrorReport is the state of a mirror.
type mirrorReport struct {
	Name     string  `json:"name"`
	Revision int64   `json:"revision,omitempty"`
	Lag      float64 `json:"lagSeconds"`
	Error    string  `json:"error,omitempty"`
}

// report returns the state of all environments. It is ready when each has data, or
// an error, or could not get either in readyAfter.
func (s *supervisor) report() *report {
	s.mu.Lock()
	list := maps.Clone(s.running)
	out := &report{Draining: s.draining.Load(), Environments: make(map[string]*environmentReport, len(list))}
	if s.problem != nil {
		out.Config = s.problem.Error()
	}
	out.Ready = s.running != nil && !out.Draining // not before apply
	s.mu.Unlock()
	for name, r := range list {
		e := r.report()
		out.Environments[name] = e
		out.Ready = out.Ready && (e.Revision > 0 || e.Error != "" || time.Since(r.began) >= readyAfter)
	}
	if s.service != nil {
		out.Ready = s.service.report(out) && out.Ready
	}
	out.Events = s.forwarding.report()
	return out
}

func (r *running) report() *environmentReport {
	e := new(environmentReport)
	err := r.failed()
	if r.publisher != nil {
		p := r.publisher.Status()
		*e = environmentReport{
			Environment: p.Environment, Replica: p.Replica, Leader: p.Leader, Blind: p.Blind, Held: p.Held, Lineage: p.Lineage, Revision: p.Revision, Publishes: p.Publishes,
		}
		if !p.PinnedUntil.IsZero() {
			e.PinnedUntil = &p.PinnedUntil
		}
		if !p.AsOf.IsZero() {
			age := max(0, time.Since(p.AsOf).Seconds())
			e.AsOf, e.Age = &p.AsOf, &age
		}
		for i, m := range p.Mirrors {
			mirror := mirrorReport{Name: r.mirrors[i], Revision: m.Revision, Error: textOf(m.Err)}
			if !m.Behind.IsZero() {
				mirror.Lag = max(0, time.Since(m.Behind).Seconds())
			}
			e.Mirrors = append(e.Mirrors, mirror)
		}
		if err == nil {
			err = p.Err
		}
	}
	e.Error = textOf(err)
	return e
}

// textOf returns the text of an error in one line; "" for nil.
func textOf(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// number returns 1 for true.
func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// write writes all metrics. ctx bounds how long it waits for a queue.
func (s *supervisor) write(ctx context.Context, x *exposition) {
	now := s.report()
	for _, f := range []struct {
		family
		of func(*environmentReport) (v float64, ok bool)
	}{
		{dataAge, func(e *environmentReport) (float64, bool) {
			if e.Age == nil {
				return 0, false
			}
			return *e.Age, true
		}},
		{leader, func(e *environmentReport) (float64, bool) { return number(e.Leader), true }},
		{blind, func(e *environmentReport) (float64, bool) { return number(e.Blind), true }},
		{held, func(e *environmentReport) (float64, bool) { return float64(e.Held), true }},
		{pinned, func(e *environmentReport) (float64, bool) { return number(e.PinnedUntil != nil), true }},
		{revision, func(e *environmentReport) (float64, bool) { return float64(e.Revision), e.Revision > 0 }},
		{publishes, func(e *environmentReport) (float64, bool) { return float64(e.Publishes), true }},
		{failing, func(e *environmentReport) (float64, bool) { return number(e.Error != ""), true }},
	} {
		x.begin(f.family)
		for _, name := range slices.Sorted(maps.Keys(now.Environments)) {
			if v, ok := f.of(now.Environments[name]); ok {
				x.sample(f.name, v, "environment", name)
			}
		}
	}
	x.begin(mirrorLag)
	for _, name := range slices.Sorted(maps.Keys(now.Environments)) {
		for _, m := range now.Environments[name].Mirrors {
			x.sample(mirrorLag.name, m.Lag, "environment", name, "mirror", m.Name)
		}
	}
	s.metrics.write(x)
	s.service.write(x)
	s.forwarding.write(ctx, x)
	x.begin(environments)
	x.sample(environments.name, float64(len(now.Environments)))
	x.begin(reloadFailed)
	x.sample(reloadFailed.name, number(now.Config != ""))
}

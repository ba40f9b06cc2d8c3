package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

const (
	defaultBeat = 5 * time.Second
	defaultKeep = 24 * time.Hour
	// leaseBeats is how many beats a Lease has by default, and at least.
	leaseBeats = 3
	minBeats   = 2
)

// Publisher keeps the data of one environment in an engine current. Config and
// Backend are required. A Publisher must not be copied. Its fields must not change
// after Run or Once has been called.
type Publisher struct {
	// Config configures the client that gets the data: secret, platform, addresses.
	// Config.Transport nil is &stream.Transport{Resync: 30 * time.Second,
	// FullResync: 5 * time.Minute}. Run needs one that works in the background.
	// Transports other than those of packages stream and poll must call ConfirmAsOf
	// with the platform's time. Events are switched off.
	Config ffc.Config
	// Backend is the engine. Its Swap must be atomic, and it must not lag.
	Backend fleet.Backend
	// Mirrors get the same bodies and heads after each change of the head. A mirror
	// that fails is written again with each beat, and delays neither the Backend
	// nor other mirrors.
	Mirrors []fleet.Backend
	// Beat is the time between writes of the head. 0 is the Beat of a Backend that
	// is a fleet.Pacer, and otherwise 5 s. With Once it is the time between two
	// calls of Once. Less than 1 ms is an error.
	Beat time.Duration
	// Lease is the time after which another replica takes over, if the head has
	// not changed in that time by the clock of that replica. It is at least two
	// beats. 0 is three beats.
	Lease time.Duration
	// Keep is the time for which bodies stay after they were replaced, so that a
	// revision can be restored. The last 20 always stay. Earlier ones are removed
	// sooner if their list is longer than 32 KiB. 0 is 24 h.
	Keep time.Duration
	// Accept publishes the first response of the platform as it is, also if it is
	// older than the engine's data, empty or much smaller.
	Accept bool
	// Logger logs changes of state. nil is Config.Logger and, without one, what
	// slog.Default returns when a line is logged.
	Logger *slog.Logger

	mu      sync.Mutex
	status  PublisherStatus
	running bool
}

// PublisherStatus is what a Publisher does at present.
type PublisherStatus struct {
	// Leader: this replica writes.
	Leader bool
	// Blind: this replica leads and has had no response from the platform for a
	// Lease.
	Blind bool
	// Held is the number of published flags and segments that the platform's
	// last response has in an older version or lacks, and that stay as they are
	// for now.
	Held int
	// PinnedUntil is when the pin of the head ends; zero is no pin.
	PinnedUntil time.Time
	// Environment, Replica, Lineage and Revision are those of this replica and of
	// the last head that it has read or written.
	Environment, Replica, Lineage string
	Revision                      int64
	// AsOf is the platform's time of its last response that confirmed the data.
	AsOf time.Time
	// Publishes counts the bodies that this replica has published.
	Publishes uint64
	// Mirrors are in the order of Publisher.Mirrors.
	Mirrors []MirrorStatus
	// Err is the last error of the engine or the platform; nil after a success.
	Err error
}

// MirrorStatus says whether a mirror has the same data as the Backend.
type MirrorStatus struct {
	// Name names the backend.
	Name string
	// Revision is the revision in the mirror. In a PublisherStatus it is the
	// last that this replica wrote there.
	Revision int64
	// Behind is zero if the mirror has the last head. In a PublisherStatus it
	// is otherwise the time since which the mirror lacks the head; for an
	// EnvironmentStatus see there.
	Behind time.Time
	// Err is the error of the last attempt to write or read the mirror; nil if
	// it succeeded.
	Err error
}

var errRunning = errors.New("relay: the publisher runs already")

// Run publishes until ctx ends, and returns context.Cause(ctx) then. It returns
// another error at once if the configuration is invalid; it does not fail when the
// platform or the engine is unreachable. When ctx ends, a leader resigns within
// 2 s, so that another replica can take over at once. Only one call of Run or Once
// may be under way.
func (p *Publisher) Run(ctx context.Context) error {
	r, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer p.end()
	if !r.background {
		return errors.New("relay: Config.Transport works on demand: set its Interval, or use Once")
	}
	r.run(ctx)
	return context.Cause(ctx)
}

// Once gets the platform's data and publishes it, for a scheduled function or a
// job: it blocks until that is done, mirrors included, or ctx ends. It does not
// wait for a Lease: a replica that leads with Run loses its lead, and takes over
// again. If the platform's response is older than the engine's data, empty or much
// smaller, Once publishes nothing and returns an error that wraps ErrHeld. Set Beat
// to the time between two calls.
func (p *Publisher) Once(ctx context.Context) error {
	r, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer p.end()
	return r.once(ctx)
}

// ErrHeld is the error of Once for a response of the platform that is older than
// what is published, empty or much smaller. Publisher.Accept publishes it.
var ErrHeld = errors.New("relay: the platform responded with older, fewer or no flags than are published; nothing was published: set Accept if that is right")

// Status returns what the publisher does at present. It may be called
// concurrently.
func (p *Publisher) Status() PublisherStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.status
	s.Mirrors = append([]MirrorStatus(nil), s.Mirrors...)
	return s
}

// note changes the status.
func (p *Publisher) note(change func(*PublisherStatus)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.status)
}

// begin checks the configuration and returns a replica.
func (p *Publisher) begin(ctx context.Context) (*replica, error) {
	p.mu.Lock()
	busy := p.running
	p.running = true
	p.mu.Unlock()
	if busy {
		return nil, errRunning
	}
	r, err := p.resolve(ctx)
	if err != nil {
		p.end()
		return nil, err
	}
	return r, nil
}

func (p *Publisher) end() {
	p.note(func(s *PublisherStatus) { p.running, s.Leader, s.Blind = false, false, false })
}

// resolve returns a replica with all defaults. Its error has all problems.
func (p *Publisher) resolve(ctx context.Context) (*replica, error) {
	r := &replica{p: p, now: clock.Wall(ctx), cfg: p.Config, beat: p.Beat, lease: p.Lease, keep: p.Keep, accept: p.Accept}
	var errs []error
	problem := func(err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("relay: Publisher.%w", err))
		}
	}
	if r.beat == 0 {
		if pacer, ok := p.Backend.(fleet.Pacer); ok {
			r.beat = pacer.Beat()
		}
	}
	problem(setting.Default("Beat", &r.beat, defaultBeat))
	problem(setting.Interval("Beat", r.beat))
	problem(setting.Default("Lease", &r.lease, leaseBeats*r.beat))
	problem(setting.Default("Keep", &r.keep, defaultKeep))
	if r.lease < minBeats*r.beat && r.lease >= 0 {
		problem(setting.Errorf("Lease", "%v is too short: expected at least two beats, which are %v", r.lease, minBeats*r.beat))
	}
	for _, err := range checkBackends(p.Backend, p.Mirrors) {
		problem(err)
	}
	if r.cfg.Offline {
		problem(setting.Errorf("Config.Offline", "a publisher needs the platform: expected false"))
	}
	if setting.Missing(r.cfg.Transport) {
		r.cfg.Transport = &stream.Transport{Resync: 30 * time.Second, FullResync: 5 * time.Minute}
	}
	r.cfg.Events.Disabled, r.cfg.StartWait, r.cfg.Bootstrap = true, -1, nil
	if r.cfg.Logger == nil {
		r.cfg.Logger = p.Logger
	}
	if len(errs) == 0 {
		if err := r.identify(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	r.init()
	return r, nil
}

// checkBackends returns the errors of the settings Backend and Mirrors, nil among them.
func checkBackends(b fleet.Backend, mirrors []fleet.Backend) []error {
	errs := []error{checkBackend("Backend", b)}
	for i, mirror := range mirrors {
		errs = append(errs, checkBackend(fmt.Sprintf("Mirrors[%d]", i), mirror))
	}
	return errs
}

// checkBackend returns the error of a setting if a backend, or a part of it, is nil.
func checkBackend(field string, b fleet.Backend) error {
	if split, ok := b.(fleet.Split); ok {
		return cmp.Or(checkBackend(field+".Heads", split.Heads), checkBackend(field+".Bodies", split.Bodies))
	}
	if setting.Missing(b) {
		return setting.Errorf(field, "missing backend: expected the engine that the publisher writes")
	}
	return nil
}

// identify finds out which environment of which platform is published, and checks
// Config.
func (r *replica) identify(ctx context.Context) error {
	probe := &probe{inner: r.cfg.Transport}
	cfg := r.cfg
	cfg.Transport = probe
	keyless, _ := r.cfg.Transport.(transport.Keyless)
	if keyless != nil && cfg.EnvSecret == "" {
		cfg.Transport = keylessProbe{probe, keyless}
	}
	client, err := ffc.New(ctx, cfg)
	if err != nil {
		return fmt.Errorf("relay: Publisher.Config: %w", err)
	}
	_ = client.Close(ctx)
	r.platform, r.background = probe.platform, probe.background
	protocol, err := registry.ProtocolOf(r.platform)
	if err != nil {
		return err
	}
	if cfg.EnvSecret != "" {
		r.environment = protocol.Environment(cfg.EnvSecret)
	} else if keyless != nil {
		r.environment = keyless.KeylessEnvironment()
	}
	if r.environment == "" {
		return errors.New("relay: Publisher.Config.EnvSecret does not contain the name of its environment: copy the secret from the platform's settings page")
	}
	return nil
}

// probe is a transport that opens another one, to check its settings, and gets no
// data.
type probe struct {
	inner      transport.Transport
	platform   string
	background bool
}

// Open implements transport.Transport.
func (p *probe) Open(env transport.Env) (transport.Session, error) {
	session, err := p.inner.Open(env)
	if err != nil {
		return nil, err
	}
	p.platform = env.Platform
	_, p.background = session.(transport.Runner)
	return noSession{}, nil
}

type keylessProbe struct {
	*probe
	transport.Keyless
}

// Open implements transport.Transport.
func (p keylessProbe) Open(env transport.Env) (transport.Session, error) { return p.probe.Open(env) }

// noSession is a session that does nothing.
type noSession struct{}

// Stats implements transport.Session.
func (noSession) Stats() transport.Stats { return transport.Stats{} }

// Run implements transport.Runner.
func (noSession) Run(ctx context.Context) { <-ctx.Done() }

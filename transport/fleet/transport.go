package fleet

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/ondemand"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Transport configures a reader. Backends is required. One value can serve
// several clients, also concurrently. Clients copy it: later changes have no
// effect.
//
// Without ffc.Config.EnvSecret, Environment and ffc.Config.Platform are required.
type Transport struct {
	// Backends are read in this order, until one has the data. At least one is
	// required.
	Backends []Backend
	// Environment names the environment: FF__account__project__environment on
	// featureflag.co, the GUID on FeatBit. "" is the environment of
	// ffc.Config.EnvSecret, which may be the key of a relay.
	Environment string
	// MaxAge is the time since the last read of the head from which the head is
	// read again when a unit of work begins. A head that is old or unchanged
	// counts as read: an outage of the platform or of the publisher adds no
	// reads. Each process subtracts a random part of up to a tenth. 0 is 30 s.
	MaxAge time.Duration
	// Budget limits how long a unit of work waits for data. A quarter of the time
	// until the deadline of its context is a second limit. 0 is 500 ms. The wait
	// for the first data, in ffc.New, is limited by ffc.Config.StartWait instead.
	Budget time.Duration
	// Timeout limits a read of all backends. Each backend has an equal share of
	// the time that remains. Data that arrives after Budget, but before
	// Timeout, is used nevertheless. 0 is 10 s.
	Timeout time.Duration
	// FirstRetry is the pause after a read that failed with all backends. On
	// demand the pause doubles with each further failure, up to MaxRetry, less a
	// random part of up to a half. In the background FirstRetry scales the
	// pauses as it does in poll.Transport. 0 is 1 s.
	FirstRetry time.Duration
	// MaxRetry is the upper end of the longest pause. An engine that throttles
	// can request up to 10 min. 0 is 60 s.
	MaxRetry time.Duration
	// MaxMessage is the size of the largest data to accept, in bytes,
	// decompressed. 0 is 128 MiB.
	MaxMessage int64
	// Interval is the time between reads in the background, from the end of one
	// to the beginning of the next, less a random part of up to a tenth. MaxAge
	// and Budget have no effect then. 0 is no background, unless Watch is set:
	// the transport works on demand. Less than 1 ms is an error.
	Interval time.Duration
	// Watch makes the transport work in the background: it reads when a Backend
	// that is a Watcher reports a change, and also at each Interval, of which 0
	// is 30 s then. At least one Backend must be a Watcher. A Backend that is a
	// ValueWatcher sends the head with the report, which is then not read; Interval
	// counts from the last report.
	Watch bool
	// Spread is the longest time that a reader waits after a report. Each reader
	// waits for a random part of Spread, so that not all of them read at the same
	// time. It needs Watch. 0 is 1 s; negative is no wait.
	Spread time.Duration
	// StaleAfter is the age of the data, see ffc.Status.DataAge, from which the
	// state is ffc.StateInterrupted. The client keeps serving the data. 0 is
	// three times the publisher's Beat, at least 2 min.
	StaleAfter time.Duration
}

var (
	_ transport.Transport = (*Transport)(nil)
	_ transport.Keyless   = (*Transport)(nil)
)

const (
	// defaultWatchInterval is the usual time between reads with Watch.
	defaultWatchInterval = 30 * time.Second
	defaultSpread        = time.Second
)

// KeylessEnvironment implements transport.Keyless.
func (t *Transport) KeylessEnvironment() string { return t.Environment }

// Open implements transport.Transport. Its error names each invalid setting.
// The session is a transport.Runner if Interval or Watch is set, else a
// transport.Refresher.
func (t *Transport) Open(env transport.Env) (transport.Session, error) {
	protocol, err := registry.ProtocolOf(env.Platform)
	if err != nil {
		return nil, err
	}
	s := &session{settings: settings(*t), env: env, protocol: protocol}
	if s.Watch && s.Interval == 0 {
		s.Interval = defaultWatchInterval
	}
	err = errors.Join(
		setting.Default("MaxAge", &s.MaxAge, 30*time.Second),
		setting.Default("Budget", &s.Budget, 500*time.Millisecond),
		setting.Default("Timeout", &s.Timeout, 10*time.Second),
		setting.Retry(&s.FirstRetry, &s.MaxRetry),
		setting.Default("MaxMessage", &s.MaxMessage, 128<<20),
		setting.NotNegative("Interval", s.Interval),
		setting.Interval("Interval", s.Interval),
		setting.Default("StaleAfter", &s.StaleAfter, 0),
	)
	if s.Environment == "" {
		s.Environment = protocol.Environment(env.EnvSecret.Reveal())
	} else if protocol.EnvironmentIgnoresCase {
		s.Environment = strings.ToLower(s.Environment)
	}
	if s.Environment == "" {
		err = errors.Join(err, setting.Errorf("Environment", "missing environment: expected its name, which the secret does not contain"))
	}
	if err = errors.Join(err, s.open(t.Backends)); err != nil {
		return nil, err
	}
	s.headName = fleetdata.Name(s.Environment, fleetdata.HeadObject)
	s.refresher = ondemand.New(ondemand.Config{
		MaxAge:  s.MaxAge,
		Budget:  s.Budget,
		Timeout: s.Timeout,
		Retry:   retry.NewSchedule(s.Interval > 0 || env.Background, s.FirstRetry, s.MaxRetry),
		Fetch:   s.fetch,
		Failed:  s.failed,
	})
	if s.Interval > 0 {
		return background{s}, nil
	}
	return onDemand{s, s.refresher}, nil
}

// open binds the backends and checks the settings that depend on them.
func (s *session) open(backends []Backend) (err error) {
	if len(backends) == 0 {
		err = setting.Errorf("Backends", "missing backend: expected at least one")
	}
	watches := false
	s.Backends, s.reported = nil, make([]atomic.Pointer[[]byte], len(backends))
	for i, b := range backends {
		bound, bindErr := s.bind(b)
		if bindErr != nil {
			err = errors.Join(err, setting.Errorf(fmt.Sprintf("Backends[%d]", i), "%w", bindErr))
			continue
		}
		s.Backends = append(s.Backends, bound)
		s.names = append(s.names, nameOf(b))
		watches = watches || canWatch(b)
	}
	switch {
	case s.Watch && !watches && err == nil:
		err = setting.Errorf("Watch", "no Backend is a Watcher: set Interval instead")
	case s.Spread != 0 && !s.Watch:
		err = errors.Join(err, setting.Errorf("Spread", "%v is of no use without Watch: set Watch, too", s.Spread))
	}
	switch {
	case s.Spread < 0:
		s.Spread = 0
	case s.Spread == 0:
		s.Spread = defaultSpread
	}
	return err
}

// settings are a Transport with its defaults, without its methods.
type settings Transport

// session is the reading of one client.
type session struct {
	settings
	env       transport.Env
	protocol  *platform.Protocol
	refresher *ondemand.Refresher
	at        tracker
	headName  string
	names     []string // of the backends
	// reported is the last head that each backend has reported and that was not
	// used yet; nil means that there is no such head.
	reported []atomic.Pointer[[]byte]

	clockWarned        atomic.Bool // that a clock is ahead
	connects, failures atomic.Uint64
}

var _ transport.Sourced = (*session)(nil)

// Stats implements transport.Session.
func (s *session) Stats() transport.Stats {
	stats := transport.Stats{Connects: s.connects.Load(), Failures: s.failures.Load()}
	stats.Fetches, stats.FetchTime = s.refresher.Fetches()
	return stats
}

// Source implements transport.Sourced.
func (s *session) Source() transport.Source { return s.at.source() }

// failed reports a read that failed with all backends to the client.
func (s *session) failed(err error, _ bool) {
	why, ok := errors.AsType[*transport.Error](err)
	if !ok { // the refresher's own
		why = &transport.Error{Kind: transport.KindNetwork, Err: errTimeout}
	}
	s.env.Store.Interrupted(why)
}

// staleAfter returns how old the data of a head may be.
func (s *session) staleAfter(h *fleetdata.Head) time.Duration {
	if s.StaleAfter > 0 {
		return s.StaleAfter
	}
	return h.StaleAfter()
}

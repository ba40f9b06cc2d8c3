package stream

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/wire"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Transport configures streaming. The zero value is ready to use; one value
// can serve several clients, also concurrently.
type Transport struct {
	// OnDemand: keep no connection, but make one when a unit of work begins and
	// the data is older than MaxAge, for one answer. The session is then a
	// transport.Refresher, else a transport.Runner.
	OnDemand bool
	// MaxAge is, on demand, how old data may be. Each process takes off a random
	// part of up to a tenth, so that processes that start together spread out.
	// 0 is 30 s.
	MaxAge time.Duration
	// Budget is, on demand, how long a unit of work may wait for data. A quarter
	// of the time until the deadline of its context bounds it further. 0 is
	// 500 ms. Waiting for the first data, in ffc.New, is bounded by
	// ffc.Config.StartWait instead.
	Budget time.Duration
	// Fallback keeps the data current while there is no connection, such as
	// &poll.Transport{} where a proxy does not let websockets pass. One that
	// works on demand is asked each second, so its MaxAge counts. The socket is
	// tried on, and takes over when it works. ffc.Status.Fallback tells which of
	// the two serves. A Fallback that the platform refuses starts again after
	// MaxRetry. It cannot be combined with OnDemand.
	Fallback transport.Transport
	// FallbackAfter is how long there must be no connection before Fallback
	// begins, plus a random part of up to a half. If a connection has never
	// brought data it begins as soon as an attempt has failed. 0 is 5 s.
	FallbackAfter time.Duration
	// PingInterval is the time between keep-alive messages. 0 is 10 s, or 15 s
	// with FeatBit. Proxies tend to cut connections that are silent for a minute.
	PingInterval time.Duration
	// ConnectTimeout bounds dialling, TLS and the upgrade; on demand, the answer
	// as well, which is used even if it comes after Budget. 0 is 10 s.
	ConnectTimeout time.Duration
	// SilenceTimeout is how long a connection may bring nothing, not even the
	// answer to a keep-alive, before it is given up; it must be longer than
	// PingInterval. The data asked for may take as long to begin to arrive. 0
	// is 30 s.
	SilenceTimeout time.Duration
	// FirstRetry is the upper end of the first pause before reconnecting; the
	// lower end is half of it. The second pause is twice as long, further ones
	// are four times as long, and 5 to 12 times once an outage has lasted 2 min.
	// A connection that brought all data ends the outage. A poll or a delivery
	// that succeeds on the same host ends one pause of an outage.
	//
	// A client opens at most 12 connections a minute, and 4 a minute after ten
	// in a row that ended within 10 s. If FirstRetry is less than 1 s, these
	// times are shorter in proportion.
	//
	// On demand the pause doubles with each failure, up to MaxRetry, less a
	// random part of up to a half; meanwhile Refresh fails at once. 0 is 1 s.
	FirstRetry time.Duration
	// MaxRetry is the upper end of the longest pause, which applies once an
	// outage has lasted 15 min; the lower end is half of it. It also bounds the
	// other pauses. It is the pause after a response that is not likely to
	// change soon, such as 404. A platform can ask for up to 10 min with
	// Retry-After. To these two a random part of up to a quarter is added. 0 is
	// 60 s.
	MaxRetry time.Duration
	// Resync is how often the platform is asked again for what it changed in the
	// last minutes, on an open connection too, in case that a change came late
	// or a notification was lost. FullResync is how often it is asked for
	// everything. Of both a random part of up to a fifth is taken off each time.
	// 0 is 5 min and 1 h; less than 0 is never. Answers that go back to older
	// data must agree over Resync (over 5 min, if it is negative) before they
	// are followed.
	Resync, FullResync time.Duration
	// MaxMessage is the largest message to accept, in bytes. 0 is 128 MiB. A
	// larger one is given up like a broken connection.
	MaxMessage int64
}

var _ transport.Transport = (*Transport)(nil)

// Open implements transport.Transport. Its error names each setting that is
// wrong.
func (t *Transport) Open(env transport.Env) (transport.Session, error) {
	dialect, err := wire.DialectOf(env.Platform)
	if err != nil {
		return nil, err
	}
	s := &session{settings: settings(*t), env: env, dialect: dialect, http: httpclient.Sockets(env.HTTPClient), fallback: fallback{env: env}}
	err = errors.Join(
		setting.Default("MaxAge", &s.MaxAge, 30*time.Second),
		setting.Default("Budget", &s.Budget, 500*time.Millisecond),
		setting.Default("FallbackAfter", &s.FallbackAfter, 5*time.Second),
		setting.Default("PingInterval", &s.PingInterval, dialect.PingInterval),
		setting.Default("ConnectTimeout", &s.ConnectTimeout, 10*time.Second),
		setting.Default("SilenceTimeout", &s.SilenceTimeout, 30*time.Second),
		setting.Default("FirstRetry", &s.FirstRetry, time.Second),
		setting.Default("MaxRetry", &s.MaxRetry, 60*time.Second),
		setting.Default("MaxMessage", &s.MaxMessage, 128<<20),
	)
	if err == nil && s.PingInterval >= s.SilenceTimeout {
		err = setting.Errorf("PingInterval", "%v is too long: expected less than SilenceTimeout, which is %v", s.PingInterval, s.SilenceTimeout)
	}
	if err == nil && s.FirstRetry > s.MaxRetry {
		err = setting.Errorf("FirstRetry", "%v is too long: expected at most MaxRetry, which is %v", s.FirstRetry, s.MaxRetry)
	}
	if s.Fallback != nil {
		err = errors.Join(err, s.useFallback())
	}
	if err != nil {
		return nil, err
	}
	s.plan = resync.New(env.Store, s.Resync, s.FullResync)
	if s.OnDemand {
		return newRefresher(s), nil
	}
	return &pusher{s}, nil
}

// useFallback checks the second transport.
func (s *session) useFallback() error {
	if s.OnDemand {
		return setting.Errorf("Fallback", "a fallback cannot be combined with OnDemand")
	}
	if _, err := s.Fallback.Open(s.env); err != nil {
		return setting.Under("Fallback", err)
	}
	s.fallback.transport, s.fallback.patience, s.fallback.retry = s.Fallback, s.FallbackAfter, s.MaxRetry
	s.fallback.trust = func() { s.trusted.Store(true) }
	return nil
}

// settings are a Transport with its defaults, without its methods.
type settings Transport

// session is the streaming of one client.
type session struct {
	settings
	env     transport.Env
	dialect *wire.Dialect
	plan    *resync.Plan
	http    *http.Client

	offset   atomic.Int64 // how far the platform's clock is ahead of ours, in ns, if that matters
	trusted  atomic.Bool  // the platform has taken the secret
	fallback fallback

	passedOver sync.Map // what was wrong with messages, as told to the log

	connects, failures atomic.Uint64
}

// HoldFor implements transport.Holder.
func (s *session) HoldFor() time.Duration { return s.plan.HoldFor() }

// Stats implements transport.Session.
func (s *session) Stats() transport.Stats {
	return transport.Stats{Connects: s.connects.Load(), Failures: s.failures.Load()}
}

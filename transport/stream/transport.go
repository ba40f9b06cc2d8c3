// Package stream gets data over a websocket, on which the platform pushes each
// change within milliseconds.
//
//	client, err := ffc.New(ctx, ffc.Config{EnvSecret: secret, Transport: &stream.Transport{}})
//
// The client replaces a connection that breaks, closes, brings nothing for
// SilenceTimeout, or brings a message that is not JSON. It retries until Close;
// the pauses grow, see Transport.FirstRetry. Meanwhile it keeps serving the cached
// data. It gives up only if the platform rejects the secret before there is data.
// A message that is JSON but cannot be used is skipped, and logged once; the data
// that it may have been is requested again after SilenceTimeout.
//
// Where a proxy does not let websockets pass, a second transport keeps the data
// current until they do:
//
//	&stream.Transport{Fallback: &poll.Transport{}}
//
// All this is for processes that run all the time. For processes that are frozen
// or short-lived there is OnDemand: when a unit of work begins
// (ffc.Client.Refresh, which ffc.Client.Middleware and package lambda call) and
// the data is too old, the client opens a connection for one answer. Between
// units of work nothing runs, except that closing the connection takes up to half
// a second. On featureflag.co the answer has segments, unlike that of polling.
//
// Programs in which FIPS 140-3 is enforced can use the package. Only the check of
// the websocket's handshake, for which the standard demands SHA-1, is exempt.
//
// Two caveats: on featureflag.co each connection transfers all data, as changes
// would leave out what was archived meanwhile. A client that is closed while
// net/http dials leaves that dial running, until the dialler's own timeout at the
// latest.
package stream

import (
	"errors"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Transport configures streaming. The zero value is ready to use. One value can
// serve several clients, also concurrently. Clients copy it: later changes have no
// effect.
type Transport struct {
	// OnDemand keeps no connection. The client connects when a unit of work
	// begins and the data is older than MaxAge, for one answer. The session is a
	// transport.Refresher then, else a transport.Runner.
	OnDemand bool
	// MaxAge is, on demand, the age from which data is refreshed. Each process
	// subtracts a random part of up to a tenth, so that processes that start
	// together spread out. 0 is 30 s.
	MaxAge time.Duration
	// Budget limits, on demand, how long a unit of work waits for data. A quarter
	// of the time until the deadline of its context is a second limit. 0 is
	// 500 ms. The wait for the first data, in ffc.New, is limited by
	// ffc.Config.StartWait instead.
	Budget time.Duration
	// Fallback keeps the data current while there is no connection, such as
	// &poll.Transport{} where a proxy does not let websockets pass. A Fallback
	// that works on demand is called each second, so its MaxAge counts. The
	// client keeps trying to connect, and stops Fallback when a connection works.
	// ffc.Status.Fallback says which of the two serves. A Fallback that the
	// platform rejects starts again after MaxRetry. It cannot be combined with
	// OnDemand. Nil is no fallback.
	Fallback transport.Transport
	// FallbackAfter is the time without a connection until Fallback starts, plus
	// a random part of up to a half. If no connection has ever brought data,
	// Fallback starts when the first attempt fails. 0 is 5 s.
	FallbackAfter time.Duration
	// PingInterval is the time between keep-alive messages. 0 is 10 s, or 15 s
	// with FeatBit. Proxies tend to cut connections that are silent for a minute.
	// Less than 1 ms is an error.
	PingInterval time.Duration
	// ConnectTimeout limits dialling, TLS and the upgrade; on demand also the
	// answer, which is used even if it arrives after Budget. 0 is 10 s.
	ConnectTimeout time.Duration
	// SilenceTimeout is the time without any message, keep-alive messages
	// included, after which a connection is replaced. It must be longer than
	// PingInterval. It also limits the time until an answer begins to arrive. 0
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
	// other pauses. It is also the pause after a response that is unlikely to
	// change soon, such as 404. The platform can request up to 10 min with
	// Retry-After. To these two a random part of up to a quarter is added. 0 is
	// 60 s.
	MaxRetry time.Duration
	// Resync is the time after which the client again requests the changes of
	// the last minutes, also on an open connection, in case that a change
	// arrived late or a notification was lost. FullResync is the time after
	// which it requests everything. From both a random part of up to a fifth is
	// subtracted each time. 0 is 5 min and 1 h; less than 0 is never. Answers
	// with older data than the client's must agree over Resync (5 min, if Resync
	// is negative) before the client accepts them.
	Resync, FullResync time.Duration
	// MaxMessage is the size of the largest message to accept, in bytes. A larger
	// message ends its connection. 0 is 128 MiB.
	MaxMessage int64
}

var _ transport.Transport = (*Transport)(nil)

// Open implements transport.Transport. Its error names each invalid setting.
func (t *Transport) Open(env transport.Env) (transport.Session, error) {
	protocol, err := registry.ProtocolOf(env.Platform)
	if err != nil {
		return nil, err
	}
	s := &session{settings: settings(*t), env: env, protocol: protocol, http: httpclient.Sockets(env.HTTPClient), fallback: fallback{env: env}}
	err = errors.Join(
		setting.Default("MaxAge", &s.MaxAge, 30*time.Second),
		setting.Default("Budget", &s.Budget, 500*time.Millisecond),
		setting.Default("FallbackAfter", &s.FallbackAfter, 5*time.Second),
		setting.Default("PingInterval", &s.PingInterval, protocol.PingInterval),
		setting.Interval("PingInterval", s.PingInterval),
		setting.Default("ConnectTimeout", &s.ConnectTimeout, 10*time.Second),
		setting.Default("SilenceTimeout", &s.SilenceTimeout, 30*time.Second),
		setting.Retry(&s.FirstRetry, &s.MaxRetry),
		setting.Default("MaxMessage", &s.MaxMessage, 128<<20),
	)
	if err == nil && s.PingInterval >= s.SilenceTimeout {
		err = setting.Errorf("PingInterval", "%v is too long: expected less than SilenceTimeout, which is %v", s.PingInterval, s.SilenceTimeout)
	}
	if s.Fallback != nil {
		err = errors.Join(err, s.useFallback())
	}
	if err != nil {
		return nil, err
	}
	s.plan = resync.New(env.Store, s.Resync, s.FullResync)
	if s.OnDemand {
		return newOnDemand(s), nil
	}
	return background{s}, nil
}

// useFallback checks the second transport.
func (s *session) useFallback() error {
	if s.OnDemand {
		return setting.Errorf("Fallback", "a fallback cannot be combined with OnDemand")
	}
	if _, err := s.Fallback.Open(s.env); err != nil {
		return setting.Under("Fallback", err)
	}
	s.fallback.transport, s.fallback.after, s.fallback.retry = s.Fallback, s.FallbackAfter, s.MaxRetry
	s.fallback.trust = func() { s.trusted.Store(true) }
	return nil
}

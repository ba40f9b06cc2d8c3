// Package poll gets data by HTTP requests: on demand, for processes that are
// frozen or short-lived, or at an interval.
//
//	client, err := ffc.New(ctx, ffc.Config{EnvSecret: secret, Transport: &poll.Transport{}})
//
// On demand, the data is refreshed when a unit of work begins: ffc.Client.Refresh,
// which ffc.Client.Middleware and package lambda call, fetches data that is older
// than MaxAge, within a limit of time, with one request for all calls at the same
// time. Between calls nothing runs; idle connections may stay open. When the
// platform is unreachable the client keeps serving the cached data, and the time
// between retries grows.
//
// On featureflag.co polling returns flags but no segments: flags that use segments
// need package stream, or a URL that serves snapshots.
package poll

import (
	"errors"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/ondemand"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Transport configures polling. The zero value is ready to use and works on
// demand. One value can serve several clients, also concurrently. Clients copy
// it: later changes have no effect.
type Transport struct {
	// MaxAge is the age from which data is refreshed when a unit of work begins.
	// Each process subtracts a random part of up to a tenth, so that processes
	// that start together spread out. 0 is 30 s.
	MaxAge time.Duration
	// Budget limits how long a unit of work waits for data. A quarter of the time
	// until the deadline of its context is a second limit. 0 is 500 ms. The wait
	// for the first data, in ffc.New, is limited by ffc.Config.StartWait instead.
	Budget time.Duration
	// Interval is the time between requests in the background, from the end of a
	// request to the beginning of the next, less a random part of up to a tenth.
	// MaxAge and Budget have no effect then. 0 is no background: the transport
	// works on demand. Less than 1 ms is an error.
	Interval time.Duration
	// Timeout limits a request with its retry, from dialling to the end of the
	// response. A response that arrives after Budget, but before Timeout, is used
	// nevertheless. 0 is 10 s.
	Timeout time.Duration
	// FirstRetry is the pause after a failed request. On demand the pause doubles
	// with each further failure, up to MaxRetry, less a random part of up to a
	// half.
	//
	// With Interval, and as stream.Transport.Fallback, FirstRetry is the upper
	// end of the first pause; the lower end is half of it. The second pause is
	// twice as long, further ones are four times as long, and 5 to 12 times once
	// an outage has lasted 2 min. Data ends the outage. 0 is 1 s.
	FirstRetry time.Duration
	// MaxRetry is the upper end of the longest pause, and bounds the others.
	// With Interval, and as a fallback, it applies once an outage has lasted 15
	// min. It is also the pause after a response that is unlikely to change
	// soon, such as 404. The platform can request up to 10 min with Retry-After.
	// To these two a random part of up to a quarter is added. 0 is 60 s.
	MaxRetry time.Duration
	// MaxMessage is the size of the largest response to accept, in bytes,
	// decompressed. 0 is 128 MiB.
	MaxMessage int64
	// Resync is the time after which the client again requests the changes of the
	// last minutes, in case that a change arrived late. On featureflag.co each
	// response is everything. FullResync is the time after which it requests
	// everything. From both a random part of up to a fifth is subtracted each
	// time. 0 is 5 min and 1 h; less than 0 is never. Answers with older data than
	// the client's must agree over Resync (5 min, if Resync is negative) before
	// the client accepts them.
	Resync, FullResync time.Duration
	// URL is where to get data instead of the platform: a cache, an object store
	// with a snapshot (ffc.Client.WriteSnapshot), a relay. The secret is sent
	// there only if scheme and host are those of ffc.Config.BaseURL. Responses may
	// be older than the cached data, as those of caches are: only a newer version
	// replaces a flag, unless all data comes from URL and three responses over
	// Resync agree. "" is the platform.
	//
	// A plain snapshot does not say when the platform confirmed it: Status.DataAge
	// counts from the response, also if a cache lags or nothing updates the
	// snapshot any more. A client that starts behind a cache that lags has flags
	// that were archived since. A snapshot of a client that has just started does
	// not list flags that were archived before, which readers may keep. And
	// ffc.Config.EnvSecret is required, although URL may not need the secret.
	//
	// Package fleet repairs all of this: its head says when the platform confirmed
	// the data, its data replaces all flags, and it needs no secret.
	URL string
}

var _ transport.Transport = (*Transport)(nil)

// Open implements transport.Transport. Its error names each invalid setting. The
// session is a transport.Runner if Interval is set, else a transport.Refresher.
func (t *Transport) Open(env transport.Env) (transport.Session, error) {
	protocol, err := registry.ProtocolOf(env.Platform)
	if err != nil {
		return nil, err
	}
	s := &session{settings: settings(*t), env: env, secretHeader: protocol.SecretHeader}
	err = errors.Join(
		setting.Default("MaxAge", &s.MaxAge, 30*time.Second),
		setting.Default("Budget", &s.Budget, 500*time.Millisecond),
		setting.NotNegative("Interval", s.Interval),
		setting.Interval("Interval", s.Interval),
		setting.Default("Timeout", &s.Timeout, 10*time.Second),
		setting.Retry(&s.FirstRetry, &s.MaxRetry),
		setting.Default("MaxMessage", &s.MaxMessage, 128<<20),
	)
	var urlErr error
	s.routes, urlErr = routesOf(s.URL, env, protocol)
	if err = errors.Join(err, urlErr); err != nil {
		return nil, err
	}
	s.http = httpclient.Following(env.HTTPClient, s.Timeout, protocol.SecretHeader)
	s.plan = resync.New(env.Store, s.Resync, s.FullResync)
	s.refresher = ondemand.New(ondemand.Config{
		MaxAge:  s.MaxAge,
		Budget:  s.Budget,
		Timeout: s.Timeout,
		Retry:   retry.NewSchedule(s.Interval > 0 || env.Background, s.FirstRetry, s.MaxRetry),
		Fetch:   s.fetch,
		Failed:  s.report,
	})
	if s.Interval > 0 {
		return background{s}, nil
	}
	return onDemand{s, s.refresher}, nil
}

package poll

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/ondemand"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/wire"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Transport configures polling. The zero value is ready to use and works on
// demand; one value can serve several clients, also concurrently.
type Transport struct {
	// MaxAge is how old data may be when a unit of work begins. Each process
	// takes off a random part of up to a tenth, so that processes that start
	// together spread out. 0 is 30 s.
	MaxAge time.Duration
	// Budget is how long a unit of work may wait for data. A quarter of the
	// time until the deadline of its context bounds it further. 0 is 500 ms.
	// Waiting for the first data, in ffc.New, is bounded by ffc.Config.StartWait
	// instead.
	Budget time.Duration
	// Interval, if it is not 0, is the time between requests in the background,
	// from the end of one to the beginning of the next, less a random part of
	// up to a tenth. MaxAge and Budget do not count then.
	Interval time.Duration
	// Timeout bounds a request with its retries, from dialling to the end of
	// the answer. An answer that comes after Budget is used all the same, until
	// then. 0 is 10 s.
	Timeout time.Duration
	// FirstRetry is how long there is no request after a failed one. On demand
	// the pause doubles with each further failure, up to MaxRetry, less a random
	// part of up to a half.
	//
	// With Interval, and as stream.Transport.Fallback, FirstRetry is the upper
	// end of the first pause; the lower end is half of it. The second pause is
	// twice as long, further ones are four times as long, and 5 to 12 times once
	// an outage has lasted 2 min. Data ends the outage. 0 is 1 s.
	FirstRetry time.Duration
	// MaxRetry is the upper end of the longest pause, and bounds the others.
	// With Interval, and as a fallback, it applies once an outage has lasted
	// 15 min. It is the pause after a response that is not likely to change
	// soon, such as 404. A platform can ask for up to 10 min with Retry-After.
	// To these two a random part of up to a quarter is added. 0 is 60 s.
	MaxRetry time.Duration
	// MaxMessage is the largest answer to accept, in bytes, decompressed. 0 is
	// 128 MiB.
	MaxMessage int64
	// Resync is how often the platform is asked again for what it changed in the
	// last minutes, in case that a change came late. On featureflag.co each
	// answer is everything. FullResync is how often it is asked for
	// everything. Of both a random part of up to a fifth is taken off each time.
	// 0 is 5 min and 1 h; less than 0 is never. Answers that go back to older
	// data must agree over Resync (over 5 min, if it is negative) before they
	// are followed.
	Resync, FullResync time.Duration
	// URL is where to get data instead of the platform: a cache, an object
	// store with a snapshot (ffc.Client.WriteSnapshot), a relay. The secret
	// goes there only if scheme and host are those of ffc.Config.BaseURL.
	// Answers may be older than the data that is there, as caches' are: a flag
	// is replaced by a newer one only, unless all data comes from there and
	// three answers over Resync agree.
	URL string
}

var _ transport.Transport = (*Transport)(nil)

// Open implements transport.Transport. Its error names each setting that is
// wrong. The session is a transport.Runner if Interval is set, else a
// transport.Refresher.
func (t *Transport) Open(env transport.Env) (transport.Session, error) {
	dialect, err := wire.DialectOf(env.Platform)
	if err != nil {
		return nil, err
	}
	s := &session{settings: settings(*t), env: env, secretHeader: dialect.SecretHeader}
	err = errors.Join(
		setting.Default("MaxAge", &s.MaxAge, 30*time.Second),
		setting.Default("Budget", &s.Budget, 500*time.Millisecond),
		setting.Default("Interval", &s.Interval, 0),
		setting.Default("Timeout", &s.Timeout, 10*time.Second),
		setting.Default("FirstRetry", &s.FirstRetry, time.Second),
		setting.Default("MaxRetry", &s.MaxRetry, 60*time.Second),
		setting.Default("MaxMessage", &s.MaxMessage, 128<<20),
	)
	if err == nil && s.FirstRetry > s.MaxRetry {
		err = setting.Errorf("FirstRetry", "%v is too long: expected at most MaxRetry, which is %v", s.FirstRetry, s.MaxRetry)
	}
	var urlErr error
	s.routes, urlErr = routesOf(s.URL, env, dialect)
	if err = errors.Join(err, urlErr); err != nil {
		return nil, err
	}
	s.http = httpclient.Following(env.HTTPClient, s.Timeout, dialect.SecretHeader)
	s.plan = resync.New(env.Store, s.Resync, s.FullResync)
	s.refresher = ondemand.New(ondemand.Config{
		MaxAge:  s.MaxAge,
		Budget:  s.Budget,
		Timeout: s.Timeout,
		Retry:   s.schedule(),
		Fetch:   s.fetch,
		Failed:  s.failed,
	})
	if s.Interval > 0 {
		return &runner{s}, nil
	}
	return &refresher{s}, nil
}

// schedule returns how long to wait after failed requests.
func (s *session) schedule() retry.Schedule {
	if s.Interval > 0 || s.env.Background {
		return &retry.Outage{First: s.FirstRetry, Max: s.MaxRetry}
	}
	return &retry.Backoff{First: s.FirstRetry, Max: s.MaxRetry}
}

// settings are a Transport with its defaults, without its methods.
type settings Transport

// session is the polling of one client.
type session struct {
	settings
	env          transport.Env
	secretHeader string
	http         *http.Client
	refresher    *ondemand.Refresher
	plan         *resync.Plan
	routes       []route

	// last is where data came from last: the next request goes there first and
	// is conditional. It changes only with the store, so that a fetch that has
	// been given up leaves it alone.
	last atomic.Pointer[origin]

	connects, failures atomic.Uint64
}

// HoldFor implements transport.Holder.
func (s *session) HoldFor() time.Duration { return s.plan.HoldFor() }

// Stats implements transport.Session.
func (s *session) Stats() transport.Stats {
	return transport.Stats{Connects: s.connects.Load(), Failures: s.failures.Load()}
}

// failed tells the client of a failed fetch.
func (s *session) failed(err error, final bool) {
	s.failures.Add(1)
	var why *transport.Error
	if errors.As(err, &why) {
		err = why
	} else { // the refresher's own
		err = problem(transport.KindNetwork, err)
	}
	if final {
		s.env.Store.Off(err)
	} else {
		s.env.Store.Interrupted(err)
	}
}

// route is an address to get data from.
type route struct {
	url    string
	header http.Header
	// cached: answers can be old.
	cached bool
	// since is the parameter that asks for what is newer than a version; "" if
	// there is none.
	since string
}

// routesOf returns the addresses to try, in this order.
func routesOf(custom string, env transport.Env, dialect *wire.Dialect) ([]route, error) {
	header := http.Header{"Accept": {"application/json"}, "User-Agent": {wire.UserAgent()}}
	withSecret := header.Clone()
	withSecret.Set(dialect.SecretHeader, env.EnvSecret.Reveal())
	if custom == "" {
		var routes []route
		for _, path := range dialect.PollPaths {
			routes = append(routes, route{url: env.BaseURL + path, header: withSecret, since: dialect.PollSince})
		}
		return routes, nil
	}
	u, err := url.Parse(custom)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		// The URL is not quoted: it may be signed.
		return nil, setting.Errorf("URL", "invalid URL: expected http(s)://host/path without a user name")
	}
	r := route{url: custom, header: header, cached: true} // has no changes, only all data
	if base, _ := url.Parse(env.BaseURL); base != nil && base.Scheme == u.Scheme && strings.EqualFold(base.Host, u.Host) {
		r.header = withSecret
	}
	return []route{r}, nil
}

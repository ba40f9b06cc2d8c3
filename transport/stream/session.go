package stream

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/ondemand"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// settings are a Transport with its defaults, without its methods.
type settings Transport

// session is the streaming of one client.
type session struct {
	settings
	env      transport.Env
	protocol *platform.Protocol
	http     *http.Client
	plan     *resync.Plan
	fallback fallback

	offset  atomic.Int64 // ns to add to this machine's time in tokens
	trusted atomic.Bool  // the platform accepted the secret
	skipped sync.Map     // errors of messages that were skipped, as logged

	connects, failures atomic.Uint64
}

var _ transport.Holder = (*session)(nil)

// Stats implements transport.Session.
func (s *session) Stats() transport.Stats {
	stats := s.fallback.stats()
	stats.Connects += s.connects.Load()
	stats.Failures += s.failures.Load()
	return stats
}

// HoldFor implements transport.Holder.
func (s *session) HoldFor() time.Duration { return s.plan.HoldFor() }

// onDemand is a session that connects on demand, for one answer.
type onDemand struct {
	*session
	*ondemand.Refresher
}

var _ transport.Refresher = onDemand{}

func newOnDemand(s *session) onDemand {
	return onDemand{s, ondemand.New(ondemand.Config{
		MaxAge:  s.MaxAge,
		Budget:  s.Budget,
		Timeout: s.ConnectTimeout,
		Retry:   &retry.Backoff{First: s.FirstRetry, Max: s.MaxRetry},
		Fetch:   s.fetch,
		Failed:  s.report,
	})}
}

// Stats implements transport.Session.
func (s onDemand) Stats() transport.Stats {
	stats := s.session.Stats()
	stats.Fetches, stats.FetchTime = s.Fetches()
	return stats
}

// fetch connects, requests data, stores the answer and closes the connection. It
// is the refresher's.
func (s *session) fetch(ctx context.Context, commit ondemand.Commit) error {
	for again := false; ; again = true {
		end := s.connect(ctx, mode{commit: commit, once: true})
		if !end.usable.IsZero() {
			return nil
		}
		v := s.judge(&end)
		if !v.corrected || again { // servers of a platform can disagree about the time
			return &ondemand.Failure{Err: v.err, RetryAfter: v.wait, Final: v.final}
		}
		s.failures.Add(1)
		s.env.Logger.Warn("ffc: the platform refused the connection", "error", v.err)
	}
}

// background is a session that keeps a connection.
type background struct{ *session }

var _ transport.Runner = background{}

// Run implements transport.Runner.
func (b background) Run(ctx context.Context) {
	defer b.fallback.running.Wait()
	defer b.fallback.stop()
	pauses := newPauses(b.session)
	b.fallback.prepare(ctx)
	for {
		pauses.begin()
		end := b.connect(ctx, mode{commit: always})
		if ctx.Err() != nil {
			return
		}
		if end.renewed {
			if !pauses.renew(ctx, &end) {
				return
			}
			continue
		}
		v := b.judge(&end)
		b.report(v.err, v.final)
		if v.final {
			return
		}
		b.fallback.prepare(ctx) // before the pause, which can be longer than FallbackAfter
		if !b.trusted.Load() {
			b.fallback.start(ctx) // there is no data that could serve meanwhile
		}
		if !pauses.wait(ctx, &end, v) {
			return
		}
	}
}

// always is the ondemand.Commit of fetches that are never abandoned.
func always(store func() (bool, error)) error {
	_, err := store()
	return err
}

// report counts a failed connection or fetch and reports its error to the client.
func (s *session) report(err error, final bool) {
	s.failures.Add(1)
	why, ok := errors.AsType[*transport.Error](err)
	if !ok { // the refresher's own
		why = &transport.Error{Kind: transport.KindNetwork, Err: err}
	}
	if final {
		s.fallback.stop()
		s.env.Store.Off(why)
	} else {
		s.fallback.interrupted(why)
	}
}

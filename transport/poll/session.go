package poll

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/ondemand"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// settings are a Transport with its defaults, without its methods.
type settings Transport

// session is the polling of one client.
type session struct {
	settings
	env          transport.Env
	secretHeader string
	http         *http.Client
	plan         *resync.Plan
	routes       []route
	refresher    *ondemand.Refresher // sends one request at a time

	// last is where data came from last: the next request goes there first and is
	// conditional. It changes together with the store, so an abandoned fetch does
	// not change it.
	last atomic.Pointer[origin]

	connects, failures atomic.Uint64
}

var _ transport.Holder = (*session)(nil)

// Stats implements transport.Session.
func (s *session) Stats() transport.Stats {
	stats := transport.Stats{Connects: s.connects.Load(), Failures: s.failures.Load()}
	stats.Fetches, stats.FetchTime = s.refresher.Fetches()
	return stats
}

// HoldFor implements transport.Holder.
func (s *session) HoldFor() time.Duration { return s.plan.HoldFor() }

// onDemand is a session that polls on demand.
type onDemand struct {
	*session
	*ondemand.Refresher
}

var _ transport.Refresher = onDemand{}

// background is a session that polls at an interval.
type background struct{ *session }

var _ transport.Runner = background{}

// Run implements transport.Runner.
func (b background) Run(ctx context.Context) {
	defer b.refresher.Close()
	for b.refresher.Load(ctx) == nil {
		if !retry.Sleep(ctx, retry.Shorten(b.Interval, 0.1), nil) {
			return
		}
	}
}

// report counts a failed fetch and reports its error to the client.
func (s *session) report(err error, final bool) {
	s.failures.Add(1)
	why, ok := errors.AsType[*transport.Error](err)
	if !ok { // the refresher's own
		why = problem(transport.KindNetwork, err)
	}
	if final {
		s.env.Store.Off(why)
	} else {
		s.env.Store.Interrupted(why)
	}
}

func problem(kind transport.Kind, err error) *transport.Error {
	return &transport.Error{Kind: kind, Err: err}
}

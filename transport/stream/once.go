package stream

import (
	"context"
	"errors"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/ondemand"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// refresher is a session that connects on demand, for one answer.
type refresher struct {
	*session
	refresher *ondemand.Refresher
}

var _ transport.Refresher = (*refresher)(nil)

func newRefresher(s *session) *refresher {
	r := &refresher{session: s}
	r.refresher = ondemand.New(ondemand.Config{
		MaxAge:  s.MaxAge,
		Budget:  s.Budget,
		Timeout: s.ConnectTimeout,
		Retry:   &retry.Backoff{First: s.FirstRetry, Max: s.MaxRetry},
		Fetch:   r.fetch,
		Failed:  r.failed,
	})
	return r
}

// Load implements transport.Refresher.
func (r *refresher) Load(ctx context.Context) error { return r.refresher.Load(ctx) }

// Refresh implements transport.Refresher.
func (r *refresher) Refresh(ctx context.Context) error { return r.refresher.Refresh(ctx) }

// Close implements transport.Refresher.
func (r *refresher) Close() { r.refresher.Close() }

// fetch connects, asks for data, takes the answer and closes.
func (r *refresher) fetch(ctx context.Context, commit ondemand.Commit) error {
	for again := false; ; again = true {
		end := r.connect(ctx, commit, true)
		if !end.usable.IsZero() {
			return nil
		}
		v := r.judge(&end)
		if !v.corrected || again { // platforms can disagree about the time
			return &ondemand.Failure{Err: end.err, RetryAfter: v.wait, Final: v.final}
		}
		r.failures.Add(1)
		r.env.Logger.Warn("ffc: the platform refused the connection", "error", end.err)
	}
}

// failed tells the client of a failed fetch.
func (r *refresher) failed(err error, final bool) {
	r.failures.Add(1)
	var why *transport.Error
	if !errors.As(err, &why) { // a process that was frozen too long to get an answer
		why = &transport.Error{Kind: transport.KindNetwork, Err: err}
	}
	if final {
		r.env.Store.Off(why)
	} else {
		r.env.Store.Interrupted(why)
	}
}

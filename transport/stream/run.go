package stream

import (
	"context"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// goodRun is how long a connection must have been of use for the pauses to
// start from the shortest again.
const goodRun = 60 * time.Second

// pusher is a session that keeps a connection.
type pusher struct{ *session }

var _ transport.Runner = (*pusher)(nil)

// Run implements transport.Runner: it keeps a connection until ctx ends or the
// platform refuses.
func (p *pusher) Run(ctx context.Context) {
	s := p.session
	defer s.fallback.running.Wait()
	defer s.fallback.stop()
	pause := retry.Backoff{First: s.FirstRetry, Max: s.MaxRetry}
	s.fallback.prepare(ctx)
	for {
		end := s.connect(ctx, atOnce, false)
		if ctx.Err() != nil {
			return
		}
		s.failures.Add(1)
		if !end.usable.IsZero() && clock.Age(end.usable) > goodRun {
			pause.Reset()
		}
		verdict := s.judge(&end)
		if verdict.final {
			s.fallback.stop()
			s.env.Store.Off(end.err)
			return
		}
		s.fallback.interrupted(end.err)
		s.fallback.prepare(ctx) // now, as the pause can be longer than its patience
		if !s.trusted.Load() {
			s.fallback.start(ctx) // nothing to wait with
		}
		if !sleep(ctx, max(pause.Next(), verdict.wait)) {
			return
		}
	}
}

// atOnce is an ondemand.Commit for those who never give up.
func atOnce(store func() (bool, error)) error {
	_, err := store()
	return err
}

// sleep waits, and reports whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

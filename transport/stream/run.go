package stream

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// pusher is a session that keeps a connection.
type pusher struct{ *session }

var _ transport.Runner = (*pusher)(nil)

// Run implements transport.Runner: it keeps a connection until ctx ends or the
// platform refuses.
func (p *pusher) Run(ctx context.Context) {
	s := p.session
	defer s.fallback.running.Wait()
	defer s.fallback.stop()
	pauses := newPauses(s)
	s.fallback.prepare(ctx)
	for {
		pauses.begin()
		end := s.connect(ctx, atOnce, false)
		if ctx.Err() != nil {
			return
		}
		if end.renewed {
			if !pauses.renew(ctx, &end) {
				return
			}
			continue
		}
		s.failures.Add(1)
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
		if !pauses.wait(ctx, &end, verdict) {
			return
		}
	}
}

// atOnce is an ondemand.Commit for those who never give up.
func atOnce(store func() (bool, error)) error {
	_, err := store()
	return err
}

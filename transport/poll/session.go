package poll

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// refresher is a session that polls on demand.
type refresher struct{ *session }

var _ transport.Refresher = (*refresher)(nil)

// Load implements transport.Refresher.
func (r *refresher) Load(ctx context.Context) error { return r.session.refresher.Load(ctx) }

// Refresh implements transport.Refresher.
func (r *refresher) Refresh(ctx context.Context) error { return r.session.refresher.Refresh(ctx) }

// Close implements transport.Refresher.
func (r *refresher) Close() { r.session.refresher.Close() }

// runner is a session that polls at an interval.
type runner struct{ *session }

var _ transport.Runner = (*runner)(nil)

// Run implements transport.Runner.
func (r *runner) Run(ctx context.Context) {
	defer r.refresher.Close()
	for r.refresher.Load(ctx) == nil {
		if !retry.Sleep(ctx, retry.Shorten(r.Interval, 0.1), nil) {
			return
		}
	}
}

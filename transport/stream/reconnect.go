package stream

import (
	"context"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

// pauses are the times between connections.
type pauses struct {
	outage retry.Outage
	limit  retry.Limit
	// recovered receives when another request to the platform's host succeeds
	// after one failed. That ends one pause of each outage.
	recovered <-chan struct{}
	used      bool      // recovered ended a pause of this outage
	began     time.Time // the last attempt
}

func newPauses(s *session) *pauses {
	return &pauses{
		outage:    retry.Outage{First: s.FirstRetry, Max: s.MaxRetry},
		limit:     retry.Limit{First: s.FirstRetry},
		recovered: httpclient.Recovered(s.env.HTTPClient, s.env.StreamingURL),
	}
}

// begin notes that an attempt begins.
func (p *pauses) begin() {
	p.began = time.Now()
	select {
	case <-p.recovered: // before this attempt
	default:
	}
}

// wait waits after a connection or a failed attempt. It returns false when ctx
// ends.
func (p *pauses) wait(ctx context.Context, end *connectResult, v verdict) bool {
	attempt := clock.Age(p.began)
	if !end.usable.IsZero() {
		p.outage.Reset()
		p.used, attempt = false, 0
	}
	if end.opened {
		p.limit.Opened(end.at)
	}
	pause := max(p.outage.Next(attempt), v.wait)
	wake := p.recovered
	if p.used || v.wait > 0 || end.rejected() {
		wake = nil
	}
	if !retry.Sleep(ctx, pause, wake) {
		p.used = true
	}
	return retry.Sleep(ctx, retry.Lengthen(p.limit.Wait(), retry.Jitter), nil)
}

// renew waits after a connection that was closed to open another one, as long as
// the limit of connections demands. It returns false when ctx ends.
func (p *pauses) renew(ctx context.Context, end *connectResult) bool {
	p.outage.Reset()
	p.used = false
	p.limit.Opened(end.at)
	return retry.Sleep(ctx, retry.Lengthen(p.limit.Wait(), retry.Jitter), nil)
}

package stream

import (
	"context"
	"net/http"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

// pauses decides when to connect again.
type pauses struct {
	outage retry.Outage
	limit  retry.Limit
	// recovered receives when another request to the platform's host succeeds
	// after one failed. That ends one pause of each outage.
	recovered <-chan struct{}
	used      bool
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

// wait waits after a connection or a failed attempt. It reports false when ctx
// ends.
func (p *pauses) wait(ctx context.Context, end *ending, v verdict) bool {
	attempt := clock.Age(p.began)
	if !end.usable.IsZero() {
		p.outage.Reset()
		p.used, attempt = false, 0
	}
	if !end.opened.IsZero() {
		p.limit.Opened(end.opened)
	}
	pause := max(p.outage.Next(attempt), v.wait)
	wake := p.recovered
	if p.used || v.wait > 0 || rejected(end) {
		wake = nil
	}
	if !retry.Sleep(ctx, pause, wake) {
		p.used = true
	}
	return retry.Sleep(ctx, retry.Lengthen(p.limit.Wait(), retry.Jitter), nil)
}

// renew waits after a connection that was closed to make another one, but for
// no more than the limit of connections.
func (p *pauses) renew(ctx context.Context, end *ending) bool {
	p.outage.Reset()
	p.used = false
	p.limit.Opened(end.opened)
	return retry.Sleep(ctx, retry.Lengthen(p.limit.Wait(), retry.Jitter), nil)
}

// rejected reports whether the platform, rather than an outage, kept the client
// from connecting.
func rejected(end *ending) bool {
	return end.refused || end.answer != nil && end.answer.StatusCode < http.StatusInternalServerError
}

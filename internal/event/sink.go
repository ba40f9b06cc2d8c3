package event

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
)

const (
	// fullWait is how long nothing is put after flush.ErrFull, unless the error says
	// how long. maxFullWait bounds what it says.
	fullWait    = 5 * time.Second
	maxFullWait = 10 * time.Minute
	// maxRetryWait bounds the backoff between attempts, as retry.Loop does.
	maxRetryWait = 30 * time.Second
)

// put is post for flush.Config.Sink.
func (d *delivery) put(body []byte, events []*waiting, how try, _ *rejections) (response, error) {
	batch := flush.Batch{Environment: d.p.to.Environment, Route: d.p.to.Protocol.EventsPath, Body: body, At: time.Now()}
	all := d.newAttempts(events)
	var lost error // of the last attempt, if it had no response
	for retries := 0; ; retries++ {
		all.begin(lost)
		resp := response{result: delivered}
		lost = d.p.guard.Do(d.ctx, d.p.pace.Timeout(), "Config.Events.Sink", func(ctx context.Context) error {
			return readSinkError(d.p.cfg.Sink.Put(ctx, batch))
		})
		if failed, ok := errors.AsType[*sinkError](lost); ok {
			resp, lost = failed.response, nil
		}
		wait := resp.wait
		if lost != nil {
			wait = retry.Double(d.p.cfg.RetryWait, maxRetryWait, uint(retries))
		}
		if wait > 0 && retries < how.retries && retry.Wait(d.ctx, wait) && !d.stop.Load() {
			continue
		}
		all.end(all.began, resp.result == delivered, lost)
		return resp, lost
	}
}

// sinkError is an error of a Sink that has a meaning, see flush.Sink.
type sinkError struct{ response }

// Error implements error.
func (e *sinkError) Error() string { return e.err.Error() }

// readSinkError returns what an error of a Sink says. It calls the methods of the
// error for the first time, so it must be called where panics are recovered.
func readSinkError(err error) error {
	if err == nil {
		return nil
	}
	plain := safelog.Error(err)
	meaning := func(why error, result outcome, wait time.Duration) error {
		if !errors.Is(plain, why) {
			plain = fmt.Errorf("%w: %w", why, plain)
		}
		return &sinkError{response{result: result, wait: wait, err: plain}}
	}
	switch {
	case errors.Is(err, flush.ErrFull):
		wait := fullWait
		if asks, ok := errors.AsType[interface {
			error
			RetryAfter() time.Duration
		}](err); ok && asks.RetryAfter() > 0 {
			wait = min(asks.RetryAfter(), maxFullWait)
		}
		return meaning(flush.ErrFull, retained, wait)
	case errors.Is(err, flush.ErrTooLarge):
		return meaning(flush.ErrTooLarge, split, 0)
	case errors.Is(err, flush.ErrRejected):
		return meaning(flush.ErrRejected, rejected, 0)
	}
	return plain
}

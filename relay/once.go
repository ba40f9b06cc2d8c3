package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// onceTries is how often Once starts again after another publisher was faster.
const onceTries = 3

// once gets the platform's data and publishes it, without an owner: another
// publisher may take over at once.
func (r *replica) once(ctx context.Context) error {
	defer func() { r.stopSource(ctx) }()
	for range onceTries {
		rd, err := r.main.read(ctx)
		if err == nil {
			err = rd.err
		}
		if err == nil && rd.head != nil {
			if err = r.learn(ctx, rd.head); lacks(err) {
				err = nil
			}
		}
		if err != nil {
			return r.failed(err)
		}
		r.askMirrors(ctx)
		if err := r.startSource(ctx, keyOf(rd), r.known); err != nil {
			return r.failed(err)
		}
		if err := r.awaitPlatform(ctx); err != nil {
			return r.failed(err)
		}
		var w watch
		done, err := r.takeOver(ctx, rd, "", &w)
		switch {
		case err != nil:
			return r.failed(err)
		case done:
			return r.finish(ctx)
		case r.src != nil: // nothing was published, and no one was faster
			return r.failed(ErrHeld)
		}
	}
	return r.failed(errors.New("relay: other publishers replaced the head in each attempt: try again, or stop the other publishers"))
}

func (r *replica) failed(err error) error {
	r.p.note(func(s *PublisherStatus) { s.Err = err })
	return err
}

// awaitPlatform waits until the platform has responded with everything.
func (r *replica) awaitPlatform(ctx context.Context) error {
	// A transport that works on demand requests nothing unless a call waits. Its
	// errors arrive through the source.
	loading, cancel := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer cancel()
	client := r.src.client
	waiting.Go(func() { _ = client.WaitReady(loading) })
	for {
		state := r.src.current()
		switch {
		case state.held > 0:
			return ErrHeld
		case !state.asOf.IsZero():
			return nil
		case state.noTime:
			return errNoTime
		case state.off:
			return fmt.Errorf("relay: %w", state.err)
		}
		select {
		case <-r.src.wake:
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), state.err)
		}
	}
}

// finish writes the mirrors and removes old bodies.
func (r *replica) finish(ctx context.Context) (err error) {
	for _, m := range r.mirrors {
		failed := m.write(ctx, r.known)
		m.report(r.known, failed)
		err = errors.Join(err, failed)
	}
	r.checked = time.Now()
	return r.failed(errors.Join(err, r.main.tidy(ctx, r.known.head)))
}

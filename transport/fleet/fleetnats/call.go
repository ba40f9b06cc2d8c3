package fleetnats

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// call is something that waits for messages of the server.
type call struct {
	subjects []string // that it publishes to, or has subscribed to
	cancel   context.CancelCauseFunc
}

// begin returns a context that ends with ctx, with the connection, and when the server
// denies one of the subjects; its cause says which. The caller calls end.
func (l *connection) begin(ctx context.Context, subjects []string) (inner context.Context, end func()) {
	inner, cancel := context.WithCancelCause(ctx)
	c := &call{subjects, cancel}
	stop := context.AfterFunc(l.ctx, func() { cancel(errLost) })
	l.mu.Lock()
	l.calls[c] = true
	if l.denied != nil {
		cancel(l.denied)
	}
	l.mu.Unlock()
	return inner, func() {
		stop()
		l.mu.Lock()
		delete(l.calls, c)
		l.mu.Unlock()
		cancel(nil)
	}
}

// denies is called for an error that the server sends without saying which call it
// belongs to, but by its text. It reports whether no responses arrive any more.
func (l *connection) denies(err error) (unusable bool) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return false
	}
	text := err.Error()
	if at := strings.LastIndex(text, "Permissions Violation"); at > 0 {
		text = text[at:]
	}
	denied := fmt.Errorf("the server responded %s: check the rights of the user", text)
	l.mu.Lock()
	defer l.mu.Unlock()
	found := false
	for c := range l.calls {
		for _, subject := range c.subjects {
			if strings.Contains(text, `"`+subject+`"`) {
				found = true
				c.cancel(denied)
			}
		}
	}
	if found || !strings.Contains(text, "for Subscription") {
		return false
	}
	// It is the subscription for all responses, which nats.go makes once.
	denied = fmt.Errorf("%w, and nats.CustomInboxPrefix", denied)
	l.denied = denied
	for c := range l.calls {
		c.cancel(denied)
	}
	return true
}

// again calls f, and once more over a new connection if the first one breaks. lost is
// the error of the first time then.
func again(ctx context.Context, f func() error) (lost, err error) {
	if lost = f(); !errors.Is(lost, errLost) || ctx.Err() != nil {
		return nil, lost
	}
	return lost, f()
}

// try calls f with a connection. f returns when inner ends at the latest, which it does
// with ctx, with the connection, and when the server denies one of the subjects.
func (c *connector) try(ctx context.Context, subjects []string, f func(inner context.Context, l *connection) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l, err := c.take(ctx)
	if err != nil {
		return err
	}
	defer c.give(l)
	inner, end := l.begin(ctx, subjects)
	defer end()
	err = f(inner, l)
	switch cause := context.Cause(inner); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case c.done.Err() != nil:
		return errClosed
	case cause != nil:
		err = cause
	}
	if !errors.Is(err, errLost) {
		return err
	}
	c.discard(l)
	if last := l.nc.LastError(); last != nil {
		return fmt.Errorf("%w: %w", errLost, advised(last))
	}
	return err
}

// exchange is a request and its response.
type exchange struct {
	sent  *nats.Msg
	then  func(nc *nats.Conn, reply *nats.Msg) // is called after the response, unless it is nil
	reply *nats.Msg
	lost  error // of a first attempt, after which the request may have been executed
}

// request sends a message and returns the response.
func (c *connector) request(ctx context.Context, subject string, data []byte) (*nats.Msg, error) {
	x := exchange{sent: &nats.Msg{Subject: subject, Data: data}}
	err := c.exchange(ctx, &x)
	return x.reply, err
}

// exchange sends a message and waits for the response.
func (c *connector) exchange(ctx context.Context, x *exchange) (err error) {
	x.lost, err = again(ctx, func() error {
		return c.try(ctx, []string{x.sent.Subject}, func(inner context.Context, l *connection) error {
			type result struct {
				reply *nats.Msg
				err   error
			}
			// In a goroutine: while the server does not read, writing may block for longer
			// than ctx.
			done := make(chan result, 1)
			go func() {
				reply, err := l.nc.RequestMsgWithContext(inner, x.sent)
				if err == nil && x.then != nil {
					x.then(l.nc, reply)
				}
				done <- result{reply, err}
			}()
			select {
			case r := <-done:
				if inner.Err() == nil || r.err == nil {
					x.reply = r.reply
					return requestError(l.nc, x.sent, r.err)
				}
			case <-inner.Done():
			}
			if ctx.Err() != nil {
				// Whether the connection still works is unknown: the next call connects
				// again.
				c.discard(l)
			}
			return context.Cause(inner)
		})
	})
	return err
}

package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/ondemand"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/scan"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// refusal is the close code of a platform that rejects the token.
const refusal = 4003

// mode is how a connection is used.
type mode struct {
	commit ondemand.Commit // stores a message; on demand it can fail
	once   bool            // close the connection when the platform has answered
}

// connection is one websocket. The goroutine that made it reads, and one more
// writes.
type connection struct {
	s *session
	mode
	handshake
	*wsConn
	*syncRequests
	progress
	renewed atomic.Bool // this end closes it, to send the next request on another one
}

// progress is what a connection has brought. Only the reader uses it.
type progress struct {
	usable   time.Time // when the platform first answered; zero: not yet
	synced   bool      // an answer was confirmed
	unusable error     // of a message that may have been the first answer
}

// connect opens a connection and returns when it has ended. Nothing of the
// connection runs on return.
func (s *session) connect(ctx context.Context, m mode) connectResult {
	l, h, err := s.dial(ctx)
	if err != nil {
		return connectResult{handshake: h, err: err}
	}
	return newConnection(s, m, l, h).run(ctx)
}

func newConnection(s *session, m mode, l *wsConn, h handshake) *connection {
	c := &connection{s: s, mode: m, wsConn: l, handshake: h}
	c.syncRequests = newSyncRequests(s.SilenceTimeout, func() { l.cut(errNoResponse) })
	l.ws.SetReadLimit(s.MaxMessage)
	l.watch(s.SilenceTimeout)
	return c
}

// run reads and writes until the connection ends. It closes the connection when
// ctx ends.
func (c *connection) run(ctx context.Context) connectResult {
	first := c.open(c.s.firstRequest(), c.platformTime())
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		if ctx.Err() == context.DeadlineExceeded {
			c.cause.CompareAndSwap(nil, &errNoResponse)
		}
		c.close(nil)
	})
	over := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() { c.write(first, over) })

	end := connectResult{handshake: c.handshake, err: c.read()}
	end.usable, end.renewed = c.usable, c.renewed.Load()

	if !stop() {
		<-closed
	}
	c.release()
	close(over)
	writer.Wait()
	c.late.Stop()
	return end
}

// firstRequest returns the first request of each connection.
func (s *session) firstRequest() resync.Request {
	if s.protocol.Resume {
		return s.plan.Again()
	}
	return s.plan.Everything()
}

// read reads messages until the connection ends, and returns why it ended.
func (c *connection) read() error {
	for {
		kind, r, err := c.ws.Reader(context.Background())
		if err != nil {
			return c.failure(err)
		}
		c.beginReading() // the message may be the answer, and may take long
		message, err := c.readAll(r)
		if err != nil {
			return c.failure(err)
		}
		if kind == websocket.MessageText {
			err := c.handle(message)
			if err != nil || c.once && c.hasAnswered() {
				c.close(err)
				return err
			}
		}
		c.endReading()
	}
}

// handle handles a message. It returns an error if the connection must end.
func (c *connection) handle(message []byte) error {
	kind, err := scan.KindOf(message)
	if err != nil {
		return c.skip(message, &transport.Error{Kind: transport.KindData, Err: err})
	}
	return c.commit(func() (answered bool, err error) {
		lives := c.synced
		switch kind {
		case scan.KindDataSync:
			applied, err := c.s.env.Store.Apply(message, c.asked())
			if err != nil {
				return false, c.skip(message, err)
			}
			c.brought(applied)
			lives = lives && applied.Held == 0
		case scan.KindPong:
			c.hearRelay(message)
			if c.ponged() && c.s.plan.Unanswered() {
				c.cut(errNoResponse)
				return false, nil
			}
		default:
			return c.hasAnswered(), nil
		}
		c.confirm(lives)
		return c.hasAnswered(), nil
	})
}

// confirm confirms the data if an answer is complete and nothing of it was held
// back, or if the message shows that the connection lives.
func (c *connection) confirm(lives bool) {
	q, answer := c.complete()
	if q == nil {
		if lives {
			c.confirmed()
		}
		return
	}
	answer.Alone = !c.synced
	if !c.asOf.IsZero() {
		answer.At = c.asOf
	}
	c.s.plan.Answered(*q, *answer)
	if !c.hasAnswered() {
		c.usable = time.Now()
		c.s.trusted.Store(true)
		c.s.fallback.stop()
	}
	if answer.Held == 0 {
		c.synced = true
		c.confirmed()
	}
	c.wakeWriter()
}

// confirmed confirms the data: as of now, or as a relay says.
func (c *connection) confirmed() {
	if c.asOf.IsZero() {
		c.s.env.Store.Confirm()
	} else {
		c.s.env.Store.ConfirmAsOf(c.asOf)
	}
}

// hearRelay notes what a pong of a relay says about the age of its data.
func (c *connection) hearRelay(pong []byte) {
	if c.asOf.IsZero() {
		return
	}
	_, _ = jsontext.EachMember(pong, jsontext.SkipSpace(pong, 0), func(name, value []byte) error {
		if string(name) == "asOf" && len(value) > 2 {
			if at, err := time.Parse(time.RFC3339, string(value[1:len(value)-1])); err == nil && at.After(c.asOf) {
				c.asOf = at
			}
		}
		return nil
	})
}

// hasAnswered reports whether the platform has answered on this connection.
func (p *progress) hasAnswered() bool { return !p.usable.IsZero() }

// skip skips a message that cannot be used, and logs the error once. It returns
// the error if the message is not JSON: that is a fault of the connection, while
// other messages would come again on the next one.
func (c *connection) skip(message []byte, err error) error {
	why, ok := errors.AsType[*transport.Error](err)
	if !ok || why.Kind != transport.KindData || !json.Valid(jsontext.TrimBOM(message)) {
		return err
	}
	if _, known := c.s.skipped.LoadOrStore(why.Error(), true); !known {
		c.s.env.Logger.Error("ffc: the platform sent a message that cannot be used; the connection goes on", "error", why)
	}
	if !c.hasAnswered() {
		c.unusable = why
		if !c.once { // on demand, the timeout is near
			c.s.fallback.interrupted(why)
		}
	}
	return nil
}

// minWait is the shortest time between two requests on one connection.
const minWait = 10 * time.Millisecond

// write sends the first request, keep-alive messages, and further requests when
// they are due, until the connection is over.
func (c *connection) write(first *openRequest, over <-chan struct{}) {
	c.ask(first)
	ping := time.NewTicker(c.s.PingInterval)
	defer ping.Stop()
	due := time.NewTimer(c.s.SilenceTimeout)
	defer due.Stop()
	for {
		select {
		case <-over:
			return
		case <-ping.C: // also looks what is due: a frozen process stops the timer
			c.countPing()
			c.send(c.s.protocol.Ping)
		case <-due.C:
		case <-c.wake:
		}
		if c.once || !c.idle() {
			continue
		}
		switch in := c.s.plan.Due(); {
		case in > 0:
			due.Reset(max(in, minWait))
		case c.s.plan.Renew():
			c.renewed.Store(true)
			c.close(nil)
			return
		default:
			c.ask(c.open(c.s.plan.Again(), c.platformTime()))
		}
	}
}

// ask sends an open request.
func (c *connection) ask(q *openRequest) {
	c.send(platform.SyncRequest(q.Since))
	if q.ping > 0 {
		c.send(c.s.protocol.Ping)
	}
}

// failure returns why reading ended.
func (c *connection) failure(err error) error {
	closed, isClosed := errors.AsType[websocket.CloseError](err)
	switch cause := c.cause.Load(); {
	case isClosed && closed.Code == refusal:
		return &transport.Error{Kind: transport.KindRefused, Err: errRefused}
	case errors.Is(err, websocket.ErrMessageTooBig):
		return &transport.Error{Kind: transport.KindData, Err: fmt.Errorf("a message is larger than MaxMessage, which is %d bytes", c.s.MaxMessage)}
	case cause != nil && *cause == errNoResponse && c.unusable != nil:
		return c.unusable
	case cause != nil: // the platform's response to that says nothing
		return &transport.Error{Kind: transport.KindNetwork, Err: *cause}
	case isClosed:
		return closedWith(closed)
	}
	return &transport.Error{Kind: transport.KindNetwork, Err: c.s.clean(err)}
}

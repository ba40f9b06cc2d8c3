package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/ondemand"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/wire"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const (
	// refusal is the close code of a platform that does not take the token.
	refusal = 4003
	// closeTime is how long the platform may take to answer a close frame.
	closeTime = 500 * time.Millisecond
	// messageTime is how long a message may take from its first byte to its
	// last, however steadily it trickles.
	messageTime = 2 * time.Minute
	// bufferSize is up to where a message needs no room but its own.
	bufferSize = 4 << 10
)

// connection is one websocket. It is read by the goroutine that made it and
// written to by one more.
//
// No call of the websocket library gets a context that ends. Its Close takes
// none, and waits for seconds, or without end when the platform stops inside a
// frame. Closing the socket ends every call.
type connection struct {
	s *session
	// commit stores a message. On demand it can refuse to.
	commit  ondemand.Commit
	once    bool // close when the platform has answered
	end     *ending
	socket  *socket
	ws      *websocket.Conn
	silence *time.Timer // breaks off unless restarted by a sign of life
	buffer  [bufferSize]byte
	questions
	cause    atomic.Pointer[error] // why we ended it, if it was for a fault
	unusable error                 // a message that may have been the data asked for
}

// connect makes a connection and stays with it until it ends. Nothing of it
// runs on return.
func (s *session) connect(ctx context.Context, commit ondemand.Commit, once bool) (end ending) {
	c := &connection{s: s, end: &end, commit: commit, once: once}
	if end.err = c.dial(ctx); end.err != nil {
		return end
	}
	c.ws.SetReadLimit(s.MaxMessage)
	c.questions.init(s.SilenceTimeout, func() { c.breakOff(errNoAnswer) })
	c.silence = time.AfterFunc(s.SilenceTimeout, func() { c.breakOff(errSilent) })
	first := c.open(s.firstQuestion(), end.platformTime())
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		if ctx.Err() == context.DeadlineExceeded {
			c.cause.CompareAndSwap(nil, &errNoAnswer)
		}
		c.close(nil)
	})
	over := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() { c.write(first, over) })

	end.err = c.read()
	end.renewed = c.renewed.Load()

	if !stop() {
		<-closed
	}
	_ = c.ws.CloseNow()
	close(over)
	writer.Wait()
	c.patience.Stop()
	c.silence.Stop()
	return end
}

// firstQuestion is what is asked on each connection.
func (s *session) firstQuestion() resync.Question {
	if s.dialect.Resume {
		return s.plan.Again()
	}
	return s.plan.Everything()
}

// read takes messages until the connection ends.
func (c *connection) read() error {
	for {
		kind, r, err := c.ws.Reader(context.Background())
		if err != nil {
			return c.failure(err)
		}
		c.beginReading() // this may be the answer, and may take its time
		message, err := c.readAll(r)
		if err != nil {
			return c.failure(err)
		}
		if kind == websocket.MessageText {
			err := c.take(message)
			if err != nil || c.once && !c.end.usable.IsZero() {
				c.close(err)
				return err
			}
		}
		c.endReading()
	}
}

// readAll reads a message. The bytes are the caller's.
func (c *connection) readAll(r io.Reader) ([]byte, error) {
	slow := time.AfterFunc(messageTime, func() { c.breakOff(errTooSlow) })
	defer slow.Stop()
	return httpclient.ReadAll(r, c.buffer[:])
}

// take handles a message. An error is a reason to end the connection.
func (c *connection) take(message []byte) error {
	kind, err := wire.KindOf(message)
	if err != nil {
		return c.passOver(message, &transport.Error{Kind: transport.KindData, Err: err})
	}
	return c.commit(func() (answered bool, err error) {
		lives := c.synced
		switch kind {
		case wire.KindDataSync:
			applied, err := c.s.env.Store.Apply(message, c.asked())
			if err != nil {
				return false, c.passOver(message, err)
			}
			c.brought(applied)
			lives = lives && applied.Held == 0
		case wire.KindPong:
			if c.ponged() && c.s.plan.Unanswered() {
				c.breakOff(errNoAnswer)
				return false, nil
			}
		default:
			return !c.end.usable.IsZero(), nil
		}
		if q, answer := c.complete(); q != nil {
			answer.Alone = !c.synced
			c.s.plan.Answered(*q, *answer)
			c.answered()
			if answer.Held == 0 {
				c.synced = true
				c.s.env.Store.Confirm()
			}
			c.wakeWriter()
		} else if lives {
			c.s.env.Store.Confirm()
		}
		return !c.end.usable.IsZero(), nil
	})
}

// passOver passes over a message that cannot be used, unless it is not even
// JSON: that is a fault of the connection, but the former would come again on
// the next one.
func (c *connection) passOver(message []byte, err error) error {
	var why *transport.Error
	if !errors.As(err, &why) || why.Kind != transport.KindData || !json.Valid(jsontext.TrimBOM(message)) {
		return err
	}
	if _, known := c.s.passedOver.LoadOrStore(why.Error(), true); !known {
		c.s.env.Logger.Error("ffc: the platform sent a message that cannot be used; the connection goes on", "error", why)
	}
	if c.end.usable.IsZero() {
		c.unusable = why
		if !c.once { // on demand, the time for an answer is short
			c.s.fallback.interrupted(why)
		}
	}
	return nil
}

// answered notes that the platform has answered on this connection.
func (c *connection) answered() {
	if c.end.usable.IsZero() {
		c.end.usable = time.Now()
		c.s.trusted.Store(true)
		c.s.fallback.stop()
	}
}

// minWait is the shortest time between two questions on one connection.
const minWait = 10 * time.Millisecond

// write asks the first question, sends keep-alive messages, and asks again
// whenever that is due, until the connection is over. An error of writing shows
// when reading, or as silence, so it is not looked at: what the platform may have
// said before is worth more.
func (c *connection) write(first *openQuestion, over <-chan struct{}) {
	c.ask(first)
	ping := time.NewTicker(c.s.PingInterval)
	defer ping.Stop()
	due := time.NewTimer(c.s.SilenceTimeout)
	defer due.Stop()
	for {
		select {
		case <-over:
			return
		case <-ping.C: // the timer alone would not count the time of a freeze
			c.countPing()
			c.send(c.s.dialect.Ping)
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
			c.renew()
			return
		default:
			c.ask(c.open(c.s.plan.Again(), c.end.platformTime()))
		}
	}
}

// ask sends a question that is open.
func (c *connection) ask(q *openQuestion) {
	c.send(wire.SyncRequest(q.Since))
	if q.ping > 0 {
		c.send(c.s.dialect.Ping)
	}
}

func (c *connection) send(message string) {
	_ = c.ws.Write(context.Background(), websocket.MessageText, []byte(message))
}

// renew ends the connection so that the next question is asked on another one.
func (c *connection) renew() {
	c.renewed.Store(true)
	c.close(nil)
}

// signOfLife notes that something has arrived.
func (c *connection) signOfLife() {
	if c.silence != nil { // not so early
		c.silence.Reset(c.s.SilenceTimeout)
	}
}

// close closes the connection in good order or, if the platform does not answer
// in time, in bad: because of a message that could not be taken or, without a
// reason why, because the client is being closed or, on demand, has its answer
// or no more time for it. It may be called by several goroutines; each waits
// until the connection is closed.
func (c *connection) close(why error) {
	code, reason := websocket.StatusNormalClosure, "normal close"
	var fault *transport.Error
	if errors.As(why, &fault) {
		code, reason = websocket.StatusGoingAway, "client going away"
	}
	timeout := time.AfterFunc(closeTime, func() { _ = c.socket.Close() })
	defer timeout.Stop()
	_ = c.ws.Close(code, reason)
}

// breakOff ends the connection without good manners.
func (c *connection) breakOff(cause error) {
	c.cause.CompareAndSwap(nil, &cause)
	_ = c.socket.Close()
}

// failure says why reading ended.
func (c *connection) failure(err error) error {
	var closed websocket.CloseError
	switch cause := c.cause.Load(); {
	case errors.As(err, &closed) && closed.Code == refusal:
		c.end.refused = true
		return &transport.Error{Kind: transport.KindRefused, Err: errRefused}
	case errors.Is(err, websocket.ErrMessageTooBig):
		return &transport.Error{Kind: transport.KindData, Err: fmt.Errorf("a message is larger than MaxMessage, which is %d bytes", c.s.MaxMessage)}
	case cause != nil && *cause == errNoAnswer && c.unusable != nil:
		return c.unusable
	case cause != nil: // what the platform answered to that tells nothing
		return &transport.Error{Kind: transport.KindNetwork, Err: *cause}
	case errors.As(err, &closed):
		return closedWith(closed.Code)
	}
	return &transport.Error{Kind: transport.KindNetwork, Err: c.s.clean(err)}
}

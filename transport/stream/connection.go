package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/ondemand"
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
	// keptBuffer is the largest buffer that is kept for the next message.
	keptBuffer = 64 << 10
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
	commit   ondemand.Commit
	once     bool // close when the data is the platform's
	end      *ending
	socket   *socket
	ws       *websocket.Conn
	asked    transport.Mark
	answerBy time.Time
	silence  *time.Timer // breaks off unless restarted by a sign of life
	answer   *time.Timer // breaks off unless stopped by the data asked for
	buffer   bytes.Buffer
	// resumed: asked for changes only. What is pushed looks like the answer, so
	// a ping goes with the request: when its pong has come, so has the answer.
	resumed       bool
	heard, ponged bool                  // there were changes, and a pong
	held          bool                  // an answer was not applied as it was
	cause         atomic.Pointer[error] // why we ended it, if it was for a fault
	unusable      error                 // a message that may have been the data asked for
}

// connect makes a connection and stays with it until it ends. Nothing of it
// runs on return.
func (s *session) connect(ctx context.Context, commit ondemand.Commit, once bool) (end ending) {
	c := &connection{s: s, end: &end, commit: commit, once: once}
	if end.err = c.dial(ctx); end.err != nil {
		return end
	}
	c.ws.SetReadLimit(s.MaxMessage)
	since := int64(0)
	if s.dialect.Resume {
		since = s.env.Store.Version()
	}
	c.resumed = since > 0
	c.asked = s.env.Store.Mark()
	c.answerBy = time.Now().Add(s.SilenceTimeout)
	c.answer = time.AfterFunc(s.SilenceTimeout, func() { c.breakOff(errNoAnswer) })
	c.silence = time.AfterFunc(s.SilenceTimeout, func() { c.breakOff(errSilent) })
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
	writer.Go(func() { c.write(since, over) })

	end.err = c.read()

	if !stop() {
		<-closed
	}
	_ = c.ws.CloseNow()
	close(over)
	writer.Wait()
	c.answer.Stop()
	c.silence.Stop()
	return end
}

// read takes messages until the connection ends.
func (c *connection) read() error {
	for {
		kind, r, err := c.ws.Reader(context.Background())
		if err != nil {
			return c.failure(err)
		}
		c.answer.Stop() // this may be it, and may take its time
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
		if c.end.usable.IsZero() {
			c.answer.Reset(time.Until(c.answerBy))
		}
	}
}

// readAll reads a message. The bytes are the caller's.
func (c *connection) readAll(r io.Reader) ([]byte, error) {
	slow := time.AfterFunc(messageTime, func() { c.breakOff(errTooSlow) })
	defer slow.Stop()
	c.buffer.Reset()
	if _, err := c.buffer.ReadFrom(r); err != nil {
		return nil, err
	}
	// The store keeps the message, so it gets one without room to spare.
	message := bytes.Clone(c.buffer.Bytes())
	if c.buffer.Cap() > keptBuffer {
		c.buffer = bytes.Buffer{}
	}
	return message, nil
}

// take handles a message. An error is a reason to end the connection.
func (c *connection) take(message []byte) error {
	kind, err := wire.KindOf(message)
	if err != nil {
		return c.passOver(message, &transport.Error{Kind: transport.KindData, Err: err})
	}
	return c.commit(func() (inSync bool, err error) {
		inSync = !c.end.usable.IsZero()
		if kind == wire.KindDataSync {
			applied, err := c.s.env.Store.Apply(message, c.asked)
			if err != nil {
				return false, c.passOver(message, err)
			}
			// Changes can be pushed before the answer to our request.
			inSync = inSync || applied.Full
			c.held = c.held || applied.Held > 0
			c.heard = true
		}
		c.ponged = c.ponged || kind == wire.KindPong
		inSync = inSync || c.resumed && c.heard && c.ponged
		if inSync {
			c.synced()
			if !c.held {
				c.s.env.Store.Confirm()
			}
		}
		return inSync, nil
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
		c.s.env.Logger.Error("ffc: the platform sent a message that cannot be used; the connection goes on", "cause", why)
	}
	if c.end.usable.IsZero() {
		c.unusable = why
		if !c.once { // on demand, the time for an answer is short
			c.s.fallback.interrupted(why)
		}
	}
	return nil
}

// synced notes that the data is the platform's.
func (c *connection) synced() {
	if c.end.usable.IsZero() {
		c.end.usable = time.Now()
		c.s.trusted.Store(true)
		c.s.fallback.stop()
	}
}

// write sends a request for data that is newer than a version, then keep-alive
// messages until the connection is over. An error of writing shows when
// reading, or as silence, so it is not looked at: what the platform may have
// said before is worth more.
func (c *connection) write(since int64, over <-chan struct{}) {
	send := func(message string) { _ = c.ws.Write(context.Background(), websocket.MessageText, []byte(message)) }
	send(wire.SyncRequest(since))
	if c.resumed {
		send(c.s.dialect.Ping)
	}
	ticker := time.NewTicker(c.s.PingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-over:
			return
		case <-ticker.C:
			send(c.s.dialect.Ping)
		}
	}
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

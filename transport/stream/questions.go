package stream

import (
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// questions are what a connection asks the platform, one after the other.
//
// A message that is pushed looks like the answer to a question about changes. So
// a ping follows such a question: the platform handles messages in order, so the
// answer is complete when the pong arrives.
type questions struct {
	timeout time.Duration // until an answer must begin to arrive
	late    *time.Timer   // fires after timeout, while a question is open and no message arrives
	wake    chan struct{} // wakes the writer: there may be something to ask

	mu           sync.Mutex    // guards the rest
	current      *openQuestion // nil if none is open
	count        int           // of questions so far
	pings, pongs int
	reading      bool // a message has begun to arrive
}

// openQuestion is a question without a complete answer.
type openQuestion struct {
	resync.Question
	first  bool      // on its connection
	ping   int       // the number of the ping that follows it; 0: no ping
	by     time.Time // when an answer must begin to arrive
	heard  bool      // data came since
	answer resync.Answer
}

// newQuestions returns questions without a question. late is called when an
// answer takes longer than timeout.
func newQuestions(timeout time.Duration, late func()) *questions {
	qs := &questions{timeout: timeout, wake: make(chan struct{}, 1)}
	qs.late = time.AfterFunc(time.Hour, late)
	qs.late.Stop()
	return qs
}

// open opens a question, which the caller sends. at is the platform's time.
func (qs *questions) open(q resync.Question, at time.Time) *openQuestion {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	o := &openQuestion{Question: q, first: qs.count == 0, by: time.Now().Add(qs.timeout)}
	qs.count++
	o.answer.At = at
	if q.Since > 0 || !o.first {
		qs.pings++
		o.ping = qs.pings
	}
	qs.current = o
	if !qs.reading {
		qs.late.Reset(qs.timeout)
	}
	return o
}

// idle reports whether no question is open.
func (qs *questions) idle() bool {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	return qs.current == nil
}

// beginReading stops the timeout while a message arrives.
func (qs *questions) beginReading() {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	qs.reading = true
	qs.late.Stop()
}

// endReading restarts the timeout if a question is open.
func (qs *questions) endReading() {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	qs.reading = false
	if o := qs.current; o != nil {
		if !o.first { // the connection works: its messages may come before the answer
			o.by = time.Now().Add(qs.timeout)
		}
		qs.late.Reset(time.Until(o.by))
	}
}

// asked returns the mark of the open question, or 0: without a question, messages
// are pushed.
func (qs *questions) asked() transport.Mark {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if qs.current == nil {
		return 0
	}
	return qs.current.Mark
}

// brought notes the result of applying a message.
func (qs *questions) brought(applied transport.Applied) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	o := qs.current
	if o == nil || o.Since == 0 && !applied.Full {
		return // pushed
	}
	o.heard = true
	if applied.Full || applied.Held > 0 {
		applied.Full = applied.Full || o.answer.Full
		o.answer.Applied = applied
	}
}

// countPing counts a ping that follows no question.
func (qs *questions) countPing() {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	qs.pings++
}

// ponged notes a pong. It returns true if the platform ignored the question
// before the ping, which is closed then. The first question stays open.
func (qs *questions) ponged() (ignored bool) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	qs.pongs = min(qs.pongs+1, qs.pings)
	o := qs.current
	if o == nil || o.first || o.heard || qs.pongs < o.ping {
		return false
	}
	qs.current = nil
	return true
}

// complete closes the open question and returns it with its answer, if the answer
// is complete.
func (qs *questions) complete() (*resync.Question, *resync.Answer) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	o := qs.current
	if o == nil || !o.heard || !o.answer.Full && (o.ping == 0 || qs.pongs < o.ping) {
		return nil, nil
	}
	qs.current = nil
	return &o.Question, &o.answer
}

// wakeWriter makes the writer check what to ask next, and when.
func (qs *questions) wakeWriter() {
	select {
	case qs.wake <- struct{}{}:
	default: // the writer is about to check
	}
}

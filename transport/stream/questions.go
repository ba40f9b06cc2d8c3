package stream

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// questions are what a connection asks the platform, one after the other.
//
// What is pushed looks like the answer to a question about changes, so a ping
// goes with it: the platform takes messages in order, and when its pong has come,
// so has the answer.
type questions struct {
	most     time.Duration // that an answer may take to begin
	patience *time.Timer   // breaks off unless stopped by the answer
	wake     chan struct{} // for the writer: there may be something to ask
	renewed  atomic.Bool
	synced   bool // an answer was confirmed; for the reader only

	mu           sync.Mutex
	current      *openQuestion // nil if none is open
	pings, pongs int
	reading      bool // a message has begun to arrive
	any          bool // there was a question
}

// openQuestion is a question without a complete answer.
type openQuestion struct {
	resync.Question
	first  bool // on its connection
	ping   int  // the number of the ping that goes with it; 0 is none
	by     time.Time
	heard  bool // data came since
	answer resync.Answer
}

// init prepares the questions. late is called when an answer takes longer than
// most.
func (qs *questions) init(most time.Duration, late func()) {
	qs.most = most
	qs.wake = make(chan struct{}, 1)
	qs.patience = time.AfterFunc(time.Hour, late)
	qs.patience.Stop()
}

// open opens a question, which is still to be sent. at is the platform's time.
func (qs *questions) open(q resync.Question, at time.Time) *openQuestion {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	o := &openQuestion{Question: q, first: !qs.any, by: time.Now().Add(qs.most)}
	qs.any = true
	o.answer.At = at
	if q.Since > 0 || !o.first {
		qs.pings++
		o.ping = qs.pings
	}
	qs.current = o
	if !qs.reading {
		qs.patience.Reset(qs.most)
	}
	return o
}

// idle reports whether no question is open.
func (qs *questions) idle() bool {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	return qs.current == nil
}

// beginReading gives a message the time that it takes to arrive.
func (qs *questions) beginReading() {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	qs.reading = true
	qs.patience.Stop()
}

// endReading goes on waiting for an answer, if there is one to wait for.
func (qs *questions) endReading() {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	qs.reading = false
	if o := qs.current; o != nil {
		if !o.first { // the connection works: its messages may come before the answer
			o.by = time.Now().Add(qs.most)
		}
		qs.patience.Reset(time.Until(o.by))
	}
}

// asked returns the mark of the open question. Without one, what comes is
// pushed.
func (qs *questions) asked() transport.Mark {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if qs.current == nil {
		return 0
	}
	return qs.current.Mark
}

// brought notes what became of a message with data.
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

// countPing counts a ping that goes with no question.
func (qs *questions) countPing() {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	qs.pings++
}

// ponged notes a pong, and reports whether the platform ignored the question
// that it came for. A first question that is ignored is waited for.
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

// complete returns the open question and its answer if that is complete, and
// closes it.
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

// wakeWriter has the writer look what to ask next, and when.
func (qs *questions) wakeWriter() {
	select {
	case qs.wake <- struct{}{}:
	default: // it is about to look
	}
}

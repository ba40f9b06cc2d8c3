package safelog

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// capacity is how many lines can wait. More are lost, and counted.
const capacity = 100

// queue passes lines on, one after the other. A goroutine exists only while
// there are some.
type queue struct {
	mu    sync.Mutex // nothing is called under it
	lines []waiting
	busy  bool // there is a goroutine that writes
	stuck bool // somebody waited in vain since a line was written last
	lost  int
}

type line struct {
	to     slog.Handler
	record slog.Record
}

type waiting struct {
	line
	written chan struct{} // closed when it is
}

// put adds a line and waits until it is written, for a while: behind a line
// that is stuck, it does not.
func (q *queue) put(l line, wait time.Duration) {
	q.mu.Lock()
	if len(q.lines) >= capacity {
		q.lost++
		q.mu.Unlock()
		return
	}
	w := waiting{l, make(chan struct{})}
	q.lines = append(q.lines, w)
	if !q.busy {
		q.busy = true
		go q.write()
	}
	stuck := q.stuck
	q.mu.Unlock()
	if wait == 0 || stuck {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-w.written:
	case <-timer.C:
		q.mu.Lock()
		select {
		case <-w.written: // just now
		default:
			q.stuck = true
		}
		q.mu.Unlock()
	}
}

// write writes lines until there are none. If the application's logger ends the
// goroutine, another one goes on.
func (q *queue) write() {
	finished := false
	defer func() {
		if !finished {
			go q.write()
		}
	}()
	for {
		q.mu.Lock()
		if len(q.lines) == 0 {
			q.lines, q.busy = nil, false
			finished = true
			q.mu.Unlock()
			return
		}
		next, lost := q.lines[0], q.lost
		q.lines, q.lost = q.lines[1:], 0
		q.mu.Unlock()
		q.writeOne(next, lost)
	}
}

func (q *queue) writeOne(next waiting, lost int) {
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.stuck = false
		close(next.written)
	}()
	if lost > 0 {
		r := slog.NewRecord(time.Now(), slog.LevelWarn, "ffc: lines of the log were lost, as the logger was too slow", 0)
		r.AddAttrs(slog.Int("lost", lost))
		line{next.to, r}.write()
	}
	next.line.write()
}

// write passes a line on. There is nowhere to tell what goes wrong.
func (l line) write() {
	defer func() { _ = recover() }()
	if l.to.Enabled(context.Background(), l.record.Level) {
		_ = l.to.Handle(context.Background(), l.record)
	}
}

package safelog

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// capacity is the maximum number of lines that wait. Further lines are dropped
// and counted.
const capacity = 100

// queue forwards lines, one after the other. Its goroutine exists only while
// there are lines.
type queue struct {
	mu    sync.Mutex // nothing is called under it
	lines []waiting
	busy  bool // a goroutine is writing
	stuck bool // a caller waited in vain since the last line was written
	lost  int
}

type line struct {
	to     slog.Handler
	record slog.Record
}

type waiting struct {
	line
	written chan struct{} // closed when the line is written
}

// put adds a line and waits until it is written, but at most wait. It does not
// wait behind a line that blocks.
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
		case <-w.written: // written at the last moment
		default:
			q.stuck = true
		}
		q.mu.Unlock()
	}
}

// write writes lines until there are none. If the application's logger ends the
// goroutine, another one continues.
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
		r := slog.NewRecord(time.Now(), slog.LevelWarn, "ffc: log lines were dropped because the logger was too slow", 0)
		r.Add("lost", lost)
		line{next.to, r}.write()
	}
	next.line.write()
}

// write forwards a line. It ignores errors, because there is no place to report
// them.
func (l line) write() {
	defer func() { _ = recover() }()
	if l.to.Enabled(context.Background(), l.record.Level) {
		_ = l.to.Handle(context.Background(), l.record)
	}
}

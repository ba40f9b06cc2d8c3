package safelog

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is an application's handler.
type recorder struct {
	mu     sync.Mutex
	lines  []string
	before func(slog.Record)
	level  slog.Level
}

func (r *recorder) Enabled(_ context.Context, l slog.Level) bool { return l >= r.level }
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler           { return r }
func (r *recorder) WithGroup(string) slog.Handler                { return r }

func (r *recorder) Handle(_ context.Context, record slog.Record) error {
	if r.before != nil {
		r.before(record)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	text := record.Message
	record.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	r.lines = append(r.lines, text)
	return nil
}

func (r *recorder) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

func TestLinesAreWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &recorder{level: slog.LevelWarn}
		blocking, immediate := New(slog.New(to))
		for i := range 250 { // more than can wait
			blocking.Warn("line", "n", i)
			if got := to.got(); len(got) != i+1 || got[i] != fmt.Sprintf("line n=%d", i) {
				t.Fatalf("after line %d: %q", i, got)
			}
		}
		blocking.Info("not enabled")
		immediate.Error("later")
		synctest.Wait()
		if got := to.got(); len(got) != 251 || got[250] != "later" {
			t.Errorf("got %q", got[250:])
		}
	})
}

func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &recorder{}
		to.before = func(r slog.Record) {
			switch r.Message {
			case "bad":
				panic("the application's mistake")
			case "worse":
				runtime.Goexit()
			}
		}
		log, _ := New(slog.New(to))
		began := time.Now()
		log.Error("bad")
		log.Error("worse")
		log.Error("good")
		if took := time.Since(began); took != 0 {
			t.Errorf("the lines held their callers up for %v", took)
		}
		if got := to.got(); !slices.Equal(got, []string{"good"}) {
			t.Errorf("got %q", got)
		}
	})
}

// TestStuck: a logger that does not return holds up its first caller for a
// moment, and none after that; what cannot wait is counted.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to, release := &recorder{}, make(chan struct{})
		to.before = func(slog.Record) { <-release }
		blocking, immediate := New(slog.New(to))
		began := time.Now()
		immediate.Warn("0")
		if took := time.Since(began); took != 0 {
			t.Errorf("a call that must not wait took %v", took)
		}
		blocking.Warn("1")
		if took := time.Since(began); took != maxWait {
			t.Errorf("the first call took %v", took)
		}
		for i := 2; i < 150; i++ {
			blocking.Warn(fmt.Sprint(i))
		}
		if took := time.Since(began); took != maxWait {
			t.Errorf("later calls took %v", took-maxWait)
		}
		close(release)
		synctest.Wait()
		got := to.got()
		if want := "ffc: log lines were dropped because the logger was too slow lost=49"; len(got) != 102 || got[0] != "0" || got[1] != want || got[101] != "100" {
			t.Errorf("got %q", got)
		}
		blocking.Warn("again")
		if got := to.got(); got[len(got)-1] != "again" {
			t.Error("a logger that works again is not waited for")
		}
	})
}

// TestReentrant: a logger that uses what logs.
func TestReentrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &recorder{}
		log, _ := New(slog.New(to))
		to.before = func(r slog.Record) {
			if r.Message == "outer" {
				log.Warn("inner")
			}
		}
		log.Warn("outer")
		synctest.Wait()
		if got := to.got(); !slices.Equal(got, []string{"outer", "inner"}) {
			t.Errorf("got %q", got)
		}
	})
}

package event

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// testSink is a flush.Sink that keeps the batches.
type testSink struct {
	// answer decides about call n, counting from 0, of a batch with this text. nil
	// accepts all.
	answer func(ctx context.Context, n int, body string) error

	mu    sync.Mutex
	calls int
	kept  []flush.Batch
}

func (s *testSink) Put(ctx context.Context, b flush.Batch) error {
	s.mu.Lock()
	n := s.calls
	s.calls++
	s.mu.Unlock()
	if s.answer != nil {
		if err := s.answer(ctx, n, string(b.Body)); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, b)
	return nil
}

// count returns how often Put was called and how often it succeeded.
func (s *testSink) count() (calls, kept int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, len(s.kept)
}

// into returns a processor with the sink. Requests of its HTTP client fail.
func into(s flush.Sink, cfg flush.Config) *Processor {
	cfg.Sink = s
	return New(cfg, destination("http://platform.test", unused))
}

var unused = &http.Client{Transport: testkit.RoundTrip(func(*http.Request) (*http.Response, error) {
	return nil, errors.New("a request was sent")
})}

// The sink gets the bodies that the platform would get, and says where they belong.
func TestSinkGetsRequests(t *testing.T) {
	onBoth(t, func(t *testing.T, d *platform.Protocol) {
		synctest.Test(t, func(t *testing.T) {
			var sink testSink
			var accepting testPlatform
			p := inMemoryOf(d, flush.Config{BatchSize: 2}, &accepting)
			to := p.to
			to.Environment = "environment"
			q := New(flush.Config{BatchSize: 2, Sink: &sink}, to)
			for _, each := range []*Processor{p, q} {
				record(each, user("u"), "a", "b", "c")
				each.RecordMetric(user("u"), "m", 1.5)
				checkError(t, each.Flush(t.Context()), nil)
			}
			checkStats(t, q, p.Stats())
			requests := accepting.seen()
			if len(requests) != 2 || len(sink.kept) != 2 {
				t.Fatalf("%d requests, %d batches", len(requests), len(sink.kept))
			}
			for i, b := range sink.kept {
				if !bytes.Equal(b.Body, requests[i].body) || b.Environment != "environment" || b.Route != d.EventsPath || !b.At.Equal(time.Now()) {
					t.Errorf("batch %d: %s of %s for %s, at %v; the platform got %s", i, b.Body, b.Environment, b.Route, b.At, requests[i].body)
				}
			}
		})
	})
}

// asksForTime is flush.ErrFull for some time.
type asksForTime struct{ wait time.Duration }

func (asksForTime) Error() string               { return "no room" }
func (asksForTime) Unwrap() error               { return flush.ErrFull }
func (a asksForTime) RetryAfter() time.Duration { return a.wait }

// typedNil is an error whose methods panic.
type typedNil struct{ text string }

func (e *typedNil) Error() string { return e.text }

func TestSinkErrors(t *testing.T) {
	broken := errors.New("connection broke")
	first := func(n int, err error) func(context.Context, int, string) error {
		return func(_ context.Context, call int, _ string) error {
			if call < n {
				return err
			}
			return nil
		}
	}
	tests := map[string]struct {
		answer func(ctx context.Context, n int, body string) error
		took   time.Duration
		want   *flush.Error
		stats  flush.Stats
	}{
		"fails once":  {first(1, broken), 200 * time.Millisecond, nil, flush.Stats{Delivered: 3, Requests: 2, Resent: 3}},
		"fails":       {first(9, broken), 600 * time.Millisecond, &flush.Error{Retained: 3, Cause: broken}, flush.Stats{Queued: 3, Requests: 3, Resent: 6}},
		"panics":      {func(context.Context, int, string) error { panic("no") }, 600 * time.Millisecond, &flush.Error{Retained: 3}, flush.Stats{Queued: 3, Requests: 3, Resent: 6}},
		"nil pointer": {first(9, (*typedNil)(nil)), 600 * time.Millisecond, &flush.Error{Retained: 3}, flush.Stats{Queued: 3, Requests: 3, Resent: 6}},
		"exits":       {func(context.Context, int, string) error { runtime.Goexit(); return nil }, 600 * time.Millisecond, &flush.Error{Retained: 3}, flush.Stats{Queued: 3, Requests: 3, Resent: 6}},
		"full once":   {first(1, flush.ErrFull), 5 * time.Second, nil, flush.Stats{Delivered: 3, Requests: 2}},
		"full, 1 s":   {first(1, asksForTime{time.Second}), time.Second, nil, flush.Stats{Delivered: 3, Requests: 2}},
		"full, 1 min": {first(9, asksForTime{time.Minute}), 0, &flush.Error{Retained: 3, Cause: flush.ErrFull}, flush.Stats{Queued: 3, Requests: 1}},
		"too large":   {first(1, fmt.Errorf("262145 bytes: %w", flush.ErrTooLarge)), 0, nil, flush.Stats{Delivered: 3, Requests: 4}},
		"all too large": {first(9, flush.ErrTooLarge), 0, &flush.Error{Dropped: 3, Cause: flush.ErrTooLarge},
			flush.Stats{Dropped: flush.Dropped{TooLarge: 3}, Requests: 4}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := testSink{answer: test.answer}
				p := into(&sink, flush.Config{})
				record(p, user("u"), "a", "b", "c")
				began := time.Now()
				checkError(t, p.Flush(t.Context()), test.want)
				if took := time.Since(began); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				test.stats.Recorded = 3
				checkStats(t, p, test.stats)
			})
		})
	}
}

// After ErrFull nothing is put until its time is over, which the error says.
func TestSinkThatIsFullIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testSink{answer: func(_ context.Context, n int, _ string) error {
			if n == 0 {
				return asksForTime{time.Minute}
			}
			return nil
		}}
		p := into(&sink, flush.Config{})
		record(p, user("u"), "a")
		_ = p.Flush(t.Context())
		record(p, user("u"), "b")
		err := p.Flush(t.Context())
		if calls, _ := sink.count(); calls != 1 || !errors.Is(err, flush.ErrFull) || !strings.Contains(err.Error(), "Events.Sink asked to wait 1m0s more") {
			t.Errorf("%d calls, %v", calls, err)
		}
		time.Sleep(time.Minute)
		checkError(t, p.Flush(t.Context()), nil)
		checkStats(t, p, flush.Stats{Recorded: 2, Delivered: 2, Requests: 2})
	})
}

// A sink that rejects an event loses that one only.
func TestSinkRejectsAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testSink{answer: func(_ context.Context, _ int, body string) error {
			if strings.Contains(body, "poison") {
				return flush.ErrRejected
			}
			return nil
		}}
		p := into(&sink, flush.Config{})
		record(p, user("u"), "a", "poison", "b")
		record(p, user("v"), "c", "d")
		for range 10 {
			_ = p.Flush(t.Context())
			record(p, user("w"), "e")
		}
		_ = p.Flush(t.Context())
		s := p.Stats()
		checkBooks(t, s)
		if s.Dropped != (flush.Dropped{Rejected: 1}) || s.Delivered != s.Recorded-1 {
			t.Errorf("Stats: %+v", s)
		}
	})
}

// A sink that ignores its context is abandoned, and called no more while 8 calls have
// not returned.
func TestSinkThatHangsIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		sink := testSink{answer: func(context.Context, int, string) error {
			<-release
			return nil
		}}
		var reported []string
		to := destination("http://platform.test", unused)
		to.Abandoned = func(function string) { reported = append(reported, function) }
		p := New(flush.Config{Sink: &sink, Retries: -1, Timeout: time.Second}, to)
		record(p, user("u"), "a")
		for range 10 {
			began := time.Now()
			checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 1})
			if took := time.Since(began); took > 1100*time.Millisecond {
				t.Errorf("took %v", took)
			}
		}
		if calls, _ := sink.count(); calls != 8 || p.Abandoned() != 8 || len(reported) != 8 || reported[0] != "Config.Events.Sink" {
			t.Errorf("%d calls, %d abandoned, reported %q", calls, p.Abandoned(), reported)
		}
		if s := p.Stats(); s.Resent != 9 { // the call that is not made sends nothing
			t.Errorf("%d events sent again", s.Resent)
		}
		close(release)
		synctest.Wait()
		if p.Abandoned() != 0 {
			t.Errorf("%d abandoned", p.Abandoned())
		}
		checkError(t, p.Flush(t.Context()), nil)
		checkBooks(t, p.Stats())
	})
}

// Flush, FlushWithin and Close end with their context, whatever the sink does. A
// call of Flush goes on and counts.
func TestSinkAndContexts(t *testing.T) {
	polite := func(ctx context.Context, n int, _ string) error {
		if n > 0 {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	rude := func(_ context.Context, n int, _ string) error {
		if n == 0 {
			time.Sleep(8 * time.Second)
		}
		return nil
	}
	tests := map[string]struct {
		answer func(context.Context, int, string) error
		end    func(*Processor, context.Context) error
		most   time.Duration
		calls  int // after another flush
	}{
		"Flush, polite":       {polite, (*Processor).Flush, time.Second, 2},
		"Flush, rude":         {rude, (*Processor).Flush, time.Second, 1},
		"FlushWithin, polite": {polite, func(p *Processor, ctx context.Context) error { return p.FlushWithin(ctx, 0) }, time.Second, 2},
		"FlushWithin, rude":   {rude, func(p *Processor, ctx context.Context) error { return p.FlushWithin(ctx, 0) }, 1100 * time.Millisecond, 2},
		"Close, polite":       {polite, (*Processor).Close, time.Second, 1},
		"Close, rude":         {rude, (*Processor).Close, 1100 * time.Millisecond, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := testSink{answer: test.answer}
				p := into(&sink, flush.Config{})
				record(p, user("u"), "a", "b")
				began := time.Now()
				err := test.end(p, testkit.Timeout(t, time.Second))
				if took := time.Since(began); err == nil || took < time.Second || took > test.most {
					t.Errorf("%v after %v", err, took)
				}
				_ = p.Flush(t.Context())
				s := p.Stats()
				checkBooks(t, s)
				calls, kept := sink.count()
				closed := strings.HasPrefix(name, "Close")
				if calls != test.calls || closed != (s.Dropped.Closed == 2) || !closed && (s.Delivered != 2 || kept == 0) {
					t.Errorf("%d calls, Stats %+v", calls, s)
				}
				time.Sleep(time.Minute) // the call that was abandoned returns
				if p.Abandoned() != 0 {
					t.Errorf("%d abandoned", p.Abandoned())
				}
			})
		})
	}
}

// In the background batches leave at the interval, several at a time.
func TestSinkInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var atOnce, most int
		var mu sync.Mutex
		sink := testSink{answer: func(context.Context, int, string) error {
			mu.Lock()
			atOnce++
			most = max(most, atOnce)
			mu.Unlock()
			time.Sleep(100 * time.Millisecond)
			mu.Lock()
			atOnce--
			mu.Unlock()
			return nil
		}}
		p := into(&sink, flush.Config{Interval: time.Second, BatchSize: 10})
		stop := run(p)
		for i := range 200 {
			record(p, user(fmt.Sprint(i%20)), "f")
		}
		time.Sleep(5 * time.Second)
		stop()
		checkStats(t, p, flush.Stats{Recorded: 200, Delivered: 200, Requests: p.Stats().Requests})
		if most < 2 || most > 4 {
			t.Errorf("%d calls at a time", most)
		}
	})
}

// The text of a sink's error is cut and has nothing in quotation marks.
func TestSinkErrorsHideTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("x", 5000)
		for _, kind := range []error{errors.New("other"), flush.ErrFull, flush.ErrTooLarge, flush.ErrRejected} {
			sink := testSink{answer: func(_ context.Context, _ int, body string) error {
				return fmt.Errorf("the body %q is wrong: %w: %s", body, kind, long)
			}}
			p := into(&sink, flush.Config{Retries: -1})
			var log bytes.Buffer
			logTo(p, &log)
			record(p, user("private-key"), "a")
			err := p.Flush(t.Context())
			for _, text := range []string{err.Error(), log.String(), fmt.Sprint(p.Stats().Err)} {
				if strings.Contains(text, "private-key") || strings.Contains(text, long[:200]) || text == "" {
					t.Errorf("%v: %q", kind, text)
				}
			}
			if kind.Error() != "other" && !errors.Is(err, kind) {
				t.Errorf("%v does not wrap %v", err, kind)
			}
		}
	})
}

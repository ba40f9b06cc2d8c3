package ffc

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// bufferedLog returns a fallbackLog and what it has logged since the last call.
func bufferedLog() (l *fallbackLog, lines func() []string) {
	var buf bytes.Buffer
	l = newFallbackLog(slog.New(slog.NewTextHandler(&buf, nil)))
	return l, func() []string {
		defer buf.Reset()
		return strings.FieldsFunc(buf.String(), func(r rune) bool { return r == '\n' })
	}
}

// note logs a fallback as an evaluation does.
func (l *fallbackLog) note(key string, why eval.Reason, kind valueKind) {
	if r := (eval.Result{Reason: why}); l.due(key, &r) {
		l.write(key, why, kind.String(), fallbackAdvice[why], "")
	}
}

// TestFallbackLogSeparatesInvalidAttributes: an attribute and a flag are corrected in
// different places, so neither line is in place of the other.
func TestFallbackLogSeparatesInvalidAttributes(t *testing.T) {
	l, _ := bufferedLog()
	flag, attribute := eval.Result{Reason: eval.ReasonError}, eval.Result{Reason: eval.ReasonError, InvalidAttribute: true}
	if !l.due("a", &flag) || !l.due("a", &attribute) || l.due("a", &flag) || l.due("a", &attribute) {
		t.Error("not each was due once")
	}
}

// TestEveryFallbackHasAdvice: a fallback is silent only while the client is not ready.
func TestEveryFallbackHasAdvice(t *testing.T) {
	for _, why := range []eval.Reason{eval.ReasonError, eval.ReasonLimit, eval.ReasonFlagNotFound, eval.ReasonUserNotSpecified, eval.ReasonWrongType} {
		l, lines := bufferedLog()
		l.note("a", why, kindString)
		if got := lines(); len(got) != 1 || !strings.Contains(got[0], "advice=\"") {
			t.Errorf("%v: logged %q", why, got)
		}
	}
}

func TestFallbackIsLoggedOncePerHourFlagAndReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, lines := bufferedLog()
		calls := func() {
			for range 3 {
				l.note("a", eval.ReasonFlagNotFound, kindString)
				l.note("a", eval.ReasonWrongType, kindBool)
				l.note("b", eval.ReasonFlagNotFound, kindInt)
				l.note("b", eval.ReasonNotReady, kindInt)
				l.note("b", eval.ReasonRuleMatch, kindInt)
			}
		}
		calls()
		got := lines()
		if len(got) != 3 {
			t.Fatalf("logged %q, want three lines", got)
		}
		for i, want := range []string{
			`flag=a reason="flag not found" getter=string advice=`, `flag=a reason="wrong type" getter=bool advice=`, `flag=b reason="flag not found" getter=int advice=`,
		} {
			if !strings.Contains(got[i], want) || !strings.Contains(got[i], "level=WARN") {
				t.Errorf("line %d is %s, want %s in it", i, got[i], want)
			}
		}
		time.Sleep(fallbackLogTime - time.Millisecond)
		calls()
		if got := lines(); len(got) != 0 {
			t.Errorf("logged again before the hour was over: %q", got)
		}
		time.Sleep(time.Millisecond)
		calls()
		if got := lines(); len(got) != 3 {
			t.Errorf("after an hour: %q, want three lines", got)
		}
	})
}

func TestFallbackLinesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, lines := bufferedLog()
		for hour := range 3 {
			var wg sync.WaitGroup
			var mu sync.Mutex // the buffer takes one line at a time
			l.log = slog.New(lockedHandler{l.log.Handler(), &mu})
			for part := range 4 {
				wg.Go(func() {
					for i := range 5000 {
						l.note(fmt.Sprint("key-", part, "-", i), eval.ReasonFlagNotFound, kindString)
					}
				})
			}
			wg.Wait()
			got := lines()
			if len(got) != 100 || !strings.Contains(strings.Join(got, "\n"), "more flags return their fallback") {
				t.Errorf("hour %d: %d lines, want %d with one that says that there are more", hour, len(got), 100)
			}
			time.Sleep(fallbackLogTime)
		}
	})
}

// lockedHandler serializes lines.
type lockedHandler struct {
	slog.Handler
	mu *sync.Mutex
}

func (h lockedHandler) Handle(ctx context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Handler.Handle(ctx, r)
}

func TestFallbackLogCutsKeys(t *testing.T) {
	l, lines := bufferedLog()
	l.note(strings.Repeat("é", 1<<20), eval.ReasonFlagNotFound, kindString)
	got := lines()
	if len(got) != 1 || len(got[0]) > 500 || strings.ContainsRune(got[0], '�') {
		t.Errorf("logged %d lines, the first with %d bytes", len(got), len(strings.Join(got, "")))
	}
}

func TestFallbackLogAllocatesNothingForWhatItHasLogged(t *testing.T) {
	l, _ := bufferedLog()
	if n := testing.AllocsPerRun(1000, func() { l.note("missing", eval.ReasonFlagNotFound, kindString) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for i := range 2 * maxFallbackLines { // a full table
		l.note(fmt.Sprint(i), eval.ReasonFlagNotFound, kindString)
	}
	if n := testing.AllocsPerRun(1000, func() { l.note("one more", eval.ReasonFlagNotFound, kindString) }); n != 0 {
		t.Errorf("%v allocations with a full table", n)
	}
}

func TestQuietFallbacks(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var buf bytes.Buffer
			client, err := New(t.Context(), Config{
				Offline:        true,
				Logger:         slog.New(slog.NewTextHandler(&buf, nil)),
				QuietFallbacks: quiet,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close(t.Context())
			client.BoolVariation(t.Context(), "missing", NewUser("u"), false)
			client.BoolVariation(t.Context(), "missing", User{}, false)
			synctest.Wait()
			if logged := strings.Contains(buf.String(), "flag=missing"); logged == quiet {
				t.Errorf("quiet %v: logged %q", quiet, buf.String())
			}
			stats := client.Stats()
			if stats.Fallbacks != 2 || stats.FallbackReasons.FlagNotFound+stats.FallbackReasons.NotReady != 2 {
				t.Errorf("quiet %v: counted %+v", quiet, stats)
			}
		})
	}
}

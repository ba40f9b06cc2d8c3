package ffc

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// TestSkippedIsToldOnce: each bad element that a message names has a line with
// its key, once, and another line has the number of the rest.
func TestSkippedIsToldOnce(t *testing.T) {
	bad := func(from, to int) (list []platform.Skipped) {
		for i := from; i < to; i++ {
			list = append(list, platform.Skipped{Member: "featureFlags", Index: i, Key: fmt.Sprintf("key-%d", i), Err: errors.New("is bad")})
		}
		return list
	}
	steps := []struct {
		skipped []platform.Skipped
		more    int
		full    bool
		lines   int
		has     string
	}{
		{skipped: nil, full: true},
		{skipped: bad(0, 2), full: true, lines: 2, has: "key-1"},
		{skipped: bad(0, 3), full: true, lines: 1, has: "key-2"},
		{skipped: bad(1, 2), lines: 0},
		{skipped: bad(3, 4), lines: 1, has: "key-3"},
		{skipped: bad(0, 4), full: true, lines: 0},
		{skipped: bad(1, 4), full: true, lines: 0},
		{skipped: bad(0, 4), full: true, lines: 1, has: "key-0"},
		{skipped: bad(0, 100), full: true, lines: 96, has: "key-99"},
		{skipped: bad(0, 100), more: 1, full: true, lines: 1, has: "more=1"},
		{skipped: bad(0, 100), more: 1, full: true, lines: 0},
		{skipped: bad(0, 100), more: 7, full: true, lines: 1, has: "more=7"},
		{skipped: bad(0, 100), full: true, lines: 0},
		{skipped: bad(1000, 1100), more: 1900, lines: 101, has: "more=1900"},
		{skipped: bad(1090, 1100), lines: 0},
	}
	synctest.Test(t, func(t *testing.T) {
		var l malformedLog
		for i, step := range steps {
			var out bytes.Buffer
			l.message(slog.New(slog.NewTextHandler(&out, nil)), step.skipped, len(step.skipped)+step.more, step.full)
			if lines := strings.Count(out.String(), "\n"); lines != step.lines || !strings.Contains(out.String(), step.has) {
				t.Errorf("step %d: %d lines, expected %d with %q: %.300s", i, lines, step.lines, step.has, out.String())
			}
			time.Sleep(malformedPeriod)
		}
	})
}

// TestMalformedDataIsLimited: of many malformed elements in a row 100 lines a
// minute are logged, and the number of the others.
func TestMalformedDataIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var l malformedLog
		log := slog.New(slog.NewTextHandler(&out, nil))
		lines := func() int {
			defer out.Reset()
			return strings.Count(out.String(), "\n")
		}
		key := 0
		patch := func() {
			key++
			l.message(log, []platform.Skipped{{Member: "featureFlags", Key: fmt.Sprint(key), Err: errors.New("is bad")}}, 1, false)
			l.report(log, eval.Problem{Key: fmt.Sprint(key), Err: errors.New("is bad")})
		}
		for range 40_000 {
			patch()
		}
		if n := lines(); n != maxMalformed {
			t.Errorf("%d lines in the first minute, want %d", n, maxMalformed)
		}
		time.Sleep(malformedPeriod)
		l.message(log, nil, 0, true)
		if text := out.String(); !strings.Contains(text, "more=79900") || lines() != 1 {
			t.Errorf("after a minute: %s", text)
		}
		patch()
		if n := lines(); n != 2 {
			t.Errorf("%d lines in the next minute, want 2", n)
		}
	})
}

// TestMalformedDataIsCut: no line has a whole giant key.
func TestMalformedDataIsCut(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var l malformedLog
	giant := strings.Repeat("k", 16<<20)
	log := slog.New(slog.NewTextHandler(&out, nil))
	l.message(log, []platform.Skipped{{Member: "featureFlags", Key: giant, Err: fmt.Errorf("has the operator %q", giant)}}, 1, false)
	l.report(log, eval.Problem{Key: giant, Err: fmt.Errorf("has the operator %q", giant)})
	if n := len(out.String()); n > 2000 || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("%d bytes: %.500s", n, out.String())
	}
}

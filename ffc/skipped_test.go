package ffc

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/wire"
)

// TestSkippedIsToldOnce: each bad element that a message names has a line with
// its key, once, and another line has the number of the rest.
func TestSkippedIsToldOnce(t *testing.T) {
	t.Parallel()
	bad := func(from, to int) (list []wire.Skipped) {
		for i := from; i < to; i++ {
			list = append(list, wire.Skipped{Member: "featureFlags", Index: i, Key: fmt.Sprintf("key-%d", i), Err: errors.New("is bad")})
		}
		return list
	}
	var l skippedLog
	for i, step := range []struct {
		skipped []wire.Skipped
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
	} {
		var out bytes.Buffer
		l.tell(slog.New(slog.NewTextHandler(&out, nil)), step.skipped, len(step.skipped)+step.more, step.full)
		if lines := strings.Count(out.String(), "\n"); lines != step.lines || !strings.Contains(out.String(), step.has) {
			t.Errorf("step %d: %d lines, expected %d with %q: %.300s", i, lines, step.lines, step.has, out.String())
		}
	}
}

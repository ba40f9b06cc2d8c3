package ffc_test

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestLongPattern: a regular expression that is too long matches no user, negated
// or not, and affects only its own flag.
func TestLongPattern(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a?", 10_000)
	var log testkit.Log
	_, client := connected(t, func(c *ffc.Config) { c.Logger = textLogger(&log) },
		ffctest.Flag("matches").Rule("true", ffctest.Attr("plan").MatchRegex(long)).Serve("false"),
		ffctest.Flag("does-not").Rule("true", ffctest.Attr("plan").NotMatchRegex(long)).Serve("false"),
		ffctest.Flag("short").Rule("true", ffctest.Attr("plan").MatchRegex(long[:8000])).Serve("false"),
	)
	user := ffc.NewUser("u", ffc.String("plan", "aaa"))
	for key, want := range map[string]bool{"matches": false, "does-not": false, "short": true} {
		if d := client.BoolVariationDetail(t.Context(), key, user, !want); d.Value != want || d.Err != nil {
			t.Errorf("%s: %+v", key, d)
		}
	}
	waitForLog(t, &log, `flag \"matches\"`)
	if text := log.String(); strings.Contains(text, "a?a?") || !strings.Contains(text, "16384 bytes") {
		t.Errorf("the log: %s", text)
	}
}

// TestManyListeners: there is no limit to them. Each is told, and those that
// are removed are not.
func TestManyListeners(t *testing.T) {
	t.Parallel()
	const many = 2000
	server, client := connected(t, nil, ffctest.Flag("a"))
	var told atomic.Int64
	removed := client.OnChange(func([]string) { t.Error("one that was removed is told") })
	var all sync.WaitGroup
	all.Add(many)
	for range many {
		client.OnChange(func([]string) {
			told.Add(1)
			all.Done()
		})
	}
	removed()
	server.Put(ffctest.Flag("a").Off())
	all.Wait()
	if told.Load() != many {
		t.Errorf("%d of %d were told", told.Load(), many)
	}
}

func textLogger(to io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(to, nil)) }

// waitForLog waits until the log has a text.
func waitForLog(t *testing.T, log *testkit.Log, text string) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("the log has %q", text), func() bool { return strings.Contains(log.String(), text) })
}

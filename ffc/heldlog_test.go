package ffc

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// TestHeldDataIsLoggedOncePerHour: a server that is stuck behind a load balancer
// must not fill the log. When the client applies the older data, the log says so,
// and the next warning does not wait for the hour.
func TestHeldDataIsLoggedOncePerHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, nil))
		var l heldLog
		held := &store.Decision{Held: 1, Older: 1, Example: store.ItemID{Key: "checkout"}}
		check := func(want ...string) {
			t.Helper()
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			out.Reset()
			if len(lines) != len(want) {
				t.Fatalf("got the lines %q, expected %q", lines, want)
			}
			for i, line := range lines {
				if !strings.Contains(line, want[i]) {
					t.Errorf("got the line %q, expected %q", line, want[i])
				}
			}
		}
		warning := "the platform responded with older data than the client has"
		l.log(log, held)
		l.log(log, held)
		time.Sleep(time.Hour - time.Second)
		l.log(log, held)
		check(warning)
		time.Sleep(time.Second)
		l.log(log, held)
		check(warning)
		l.log(log, &store.Decision{Followed: 1})
		l.log(log, held)
		check("the platform went back to older data", warning)
	})
}

package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Outcomes are coloured on a terminal.
func TestCheckColours(t *testing.T) {
	c := &Console{colour: true}
	for outcome, colour := range map[Outcome]string{OK: Green, Warn: Yellow, Fail: Red, Skipped: Faint} {
		got := c.Check(Check{Name: "tcp", Outcome: outcome, Seen: "seen"}, 9)
		if want := fmt.Sprintf("\x1b[%sm%-4s\x1b[0m  tcp        seen", colour, outcome); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		340 * time.Microsecond:  "0.3 ms",
		45 * time.Millisecond:   "45 ms",
		2340 * time.Millisecond: "2.3 s",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

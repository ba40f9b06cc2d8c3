package fleetredis_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
)

// A function is frozen for 10 min, and what becomes of the server and of the
// connection meanwhile is no error of the next unit of work.
func TestFrozenForTenMinutes(t *testing.T) {
	t.Parallel()
	const frozen = 10 * time.Minute
	signal := func(t *testing.T, s *server, number syscall.Signal) {
		t.Helper()
		if err := s.process.Process.Signal(number); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		happens func(t *testing.T, s *server)
		down    bool // while the next unit of work runs
	}{
		"nothing":                      {func(*testing.T, *server) {}, false},
		"the connection is closed":     {func(_ *testing.T, s *server) { s.command("CLIENT", "KILL", "TYPE", "normal") }, false},
		"the server is stopped":        {func(t *testing.T, s *server) { signal(t, s, syscall.SIGSTOP) }, true},
		"the server is stopped, on it": {func(t *testing.T, s *server) { signal(t, s, syscall.SIGSTOP); signal(t, s, syscall.SIGCONT) }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			b := s.open()
			client := fleetkit.Refreshing(t, b)
			down := false
			unit := func() error {
				ctx := testkit.Within(t)
				if down {
					ctx = testkit.Timeout(t, 200*time.Millisecond)
				}
				err := client.Refresh(ctx)
				if d := client.BoolVariationDetail(ctx, fleetkit.Flag, ffc.NewUser("u-1"), false); d.Err != nil || !d.Value {
					t.Errorf("the flag is %t, error %v", d.Value, d.Err)
				}
				return err
			}
			if err := unit(); err != nil {
				t.Fatal(err)
			}
			before := s.accepted()
			test.happens(t, s)
			down = test.down
			b.Froze(frozen)
			if err := unit(); err != nil && !test.down {
				t.Errorf("the first unit of work: %v", err)
			}
			if down {
				signal(t, s, syscall.SIGCONT)
				down = false
			}
			testkit.Eventually(t, "a read succeeds", func() bool { return unit() == nil })
			if after := s.accepted(); after < before+2 {
				t.Errorf("the server has accepted %d connections since, want that of the test and a new one of the backend", after-before)
			}
		})
	}
}

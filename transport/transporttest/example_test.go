package transporttest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/transporttest"
)

// file is a transport that reads a file at an interval.
type file struct {
	path  string
	every time.Duration
}

// Open implements transport.Transport.
func (f file) Open(env transport.Env) (transport.Session, error) {
	if f.path == "" {
		return nil, errors.New("file: path is empty")
	}
	return &session{file: f, store: env.Store}, nil
}

type session struct {
	file
	store           transport.Store
	reads, failures atomic.Uint64
}

// Stats implements transport.Session.
func (s *session) Stats() transport.Stats {
	return transport.Stats{Connects: s.reads.Load(), Failures: s.failures.Load()}
}

// Run implements transport.Runner.
func (s *session) Run(ctx context.Context) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		if err := s.read(); err != nil {
			s.failures.Add(1)
			s.store.Interrupted(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *session) read() error {
	s.reads.Add(1)
	asked := s.store.Mark()
	message, err := os.ReadFile(s.path)
	if err != nil {
		return &transport.Error{Kind: transport.KindNetwork, Err: err}
	}
	applied, err := s.store.Apply(message, asked)
	if err == nil && applied.Held == 0 {
		s.store.Confirm()
	}
	return err
}

// newSource returns a function that makes a file and the transport that reads
// the file so often.
func newSource(every time.Duration) func(t testing.TB) transporttest.Source {
	return func(t testing.TB) transporttest.Source {
		path := filepath.Join(t.TempDir(), "flags.json")
		current := path
		move := func(to string) {
			if err := os.Rename(current, to); err != nil {
				t.Error(err)
			}
			current = to
		}
		return transporttest.Source{
			Transport: file{path: path, every: every},
			Publish: func(message []byte) {
				// A file that is renamed is never read by halves.
				if err := errors.Join(os.WriteFile(path+".new", message, 0o600), os.Rename(path+".new", current)); err != nil {
					t.Error(err)
				}
			},
			Fail: func() (restore func()) {
				move(path + ".away")
				return func() { move(path) }
			},
		}
	}
}

// A file does not stall and knows no secret, so the rules about that are
// skipped.
func ExampleRun() {
	var t *testing.T // the argument of a test function
	transporttest.Run(t, newSource(5*time.Millisecond))
}

func TestFile(t *testing.T) {
	t.Parallel()
	transporttest.Run(t, newSource(5*time.Millisecond))
}

// In a bubble the interval can be the one of production.
func ExampleRunSynctest() {
	var t *testing.T // the argument of a test function
	transporttest.RunSynctest(t, newSource(time.Minute))
}

func TestFileWithFakeClock(t *testing.T) {
	t.Parallel()
	transporttest.RunSynctest(t, newSource(time.Minute))
}

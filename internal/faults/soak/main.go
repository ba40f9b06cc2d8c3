// Command soak runs clients of both platforms through faults of all kinds, for
// the duration of -for: with every transport, over HTTP/1 and over TLS with
// HTTP/2, with deliveries in the background and behind the middleware. It fails
// unless every event is accounted for, each client recovers the platform's data
// without a restart, and memory and goroutines have not grown.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

func main() {
	length := flag.Duration("for", 10*time.Second, "how long to run")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "decides which faults there are, and when")
	flag.Parse()
	fmt.Printf("soak: %v, -seed %d\n", *length, *seed)
	if err := run(*length, *seed, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

const (
	// margin is how much the heap may grow by chance, in bytes.
	margin = 16 << 20
	// recovery is how long clients may take to recover from all faults. It is
	// long because the machine may be busy.
	recovery = time.Minute
	// untilCheck is the number of faults between two checks of the clients.
	untilCheck = 25
)

// run returns all errors, joined.
func run(length time.Duration, seed uint64, out io.Writer) error {
	began := runtime.NumGoroutine()
	s := &soak{random: rand.New(rand.NewPCG(seed, 0)), played: make(map[string]int)}
	if err := s.open(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	var work sync.WaitGroup
	for _, p := range s.platforms {
		for _, c := range p.clients {
			c.work(ctx, &work)
		}
	}
	early, late, wrong := s.disturb(ctx)
	cancel()
	work.Wait()

	wrong = append(wrong, s.close(out)...)
	if late > early+margin {
		wrong = append(wrong, fmt.Errorf("the heap had %d MB early on and %d MB late", early>>20, late>>20))
	}
	goroutines := runtime.NumGoroutine()
	for range 500 { // goroutines of connections end a little later
		if goroutines = runtime.NumGoroutine(); goroutines <= began {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if goroutines > began {
		wrong = append(wrong, fmt.Errorf("%d goroutines remain, %d existed at the start", goroutines, began))
	}
	faults := 0
	for _, name := range slices.Sorted(maps.Keys(s.played)) {
		fmt.Fprintf(out, "%5d × %s\n", s.played[name], name)
		faults += s.played[name]
	}
	fmt.Fprintf(out, "faults %d, checks %d, evaluations %d, heap %d KB early and %d KB late, goroutines %d and %d\n",
		faults, s.checks, s.evaluations.Load(), early>>10, late>>10, began, goroutines)
	return errors.Join(wrong...)
}

type soak struct {
	random      *rand.Rand
	platforms   []*platform
	evaluations atomic.Uint64
	illegal     atomic.Uint64  // evaluations and requests
	played      map[string]int // how many times each fault was played
	checks      int
}

func (s *soak) open() error {
	for _, kind := range []ffctest.Platform{ffctest.Classic, ffctest.FeatBit} {
		p := &platform{soak: s, kind: kind}
		s.platforms = append(s.platforms, p)
		if err := p.open(); err != nil {
			return err
		}
	}
	return nil
}

// disturb breaks and mends things until ctx ends, and regularly checks that all
// clients recover. It returns the size of the heap after the first third, when
// everything has been allocated that is allocated once, and at the end. It also
// returns the errors of clients that did not recover.
func (s *soak) disturb(ctx context.Context) (early, late uint64, wrong []error) {
	deadline, _ := ctx.Deadline()
	third := time.Until(deadline) * 2 / 3
	for n := 1; ctx.Err() == nil; n++ {
		p := s.platforms[s.random.IntN(len(s.platforms))]
		f := breaks[s.random.IntN(len(breaks))]
		s.played[f.name]++
		mend := f.happens(p)
		p.change()
		s.pause(ctx, 100)
		mend()
		s.pause(ctx, 100)
		if n%untilCheck == 0 {
			if wrong = s.check(); wrong != nil {
				return early, late, wrong
			}
		}
		if early == 0 && time.Until(deadline) < third {
			s.restart()
			early = heap()
		}
	}
	s.restart()
	late = heap()
	return early, late, s.check()
}

// check waits, while nothing is broken, until all clients have recovered.
func (s *soak) check() (wrong []error) {
	s.checks++
	ctx, cancel := context.WithTimeout(context.Background(), recovery)
	defer cancel()
	for _, p := range s.platforms {
		for _, c := range p.clients {
			if err := c.recovers(ctx); err != nil {
				wrong = append(wrong, fmt.Errorf("%v, %s: %w", p.kind, c.name, err))
			}
		}
	}
	return wrong
}

// restart restarts all platforms.
func (s *soak) restart() {
	for _, p := range s.platforms {
		p.restart()
	}
}

func (s *soak) pause(ctx context.Context, most int) {
	timer := time.NewTimer(time.Duration(s.random.IntN(most)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// close closes everything and returns all errors.
func (s *soak) close(out io.Writer) (wrong []error) {
	for _, p := range s.platforms {
		for _, err := range p.close(out) {
			wrong = append(wrong, fmt.Errorf("%v: %w", p.kind, err))
		}
	}
	if n := s.illegal.Load(); n > 0 {
		wrong = append(wrong, fmt.Errorf("%d evaluations had no value", n))
	}
	return wrong
}

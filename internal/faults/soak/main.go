// Command soak runs two clients of one platform through faults of all kinds, as
// long as -for says, and fails unless every event is accounted for, the clients
// have the platform's data in the end, and memory and goroutines have not grown.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/faults"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
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
	evaluators = 4
	// margin is how much the heap may grow by chance.
	margin = 16 << 20
)

// run returns all that was wrong, joined.
func run(length time.Duration, seed uint64, out io.Writer) error {
	began := runtime.NumGoroutine()
	s := &soak{random: rand.New(rand.NewPCG(seed, 0))}
	if err := s.open(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	var work sync.WaitGroup
	for _, c := range s.clients {
		for range evaluators {
			work.Go(func() { s.evaluate(ctx, c) })
		}
		work.Go(func() { s.refresh(ctx, c) })
	}
	early, late := s.disturb(ctx)
	work.Wait()

	wrong := s.close(out)
	if late > early+margin {
		wrong = append(wrong, fmt.Errorf("the heap had %d MB early on and %d MB late", early>>20, late>>20))
	}
	goroutines := runtime.NumGoroutine()
	for range 500 { // those of connections end a little later
		if goroutines = runtime.NumGoroutine(); goroutines <= began {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if goroutines > began {
		wrong = append(wrong, fmt.Errorf("%d goroutines are left, there were %d", goroutines, began))
	}
	fmt.Fprintf(out, "faults %d, evaluations %d, heap %d KB early and %d KB late, goroutines %d and %d\n",
		s.disturbed, s.evaluations.Load(), early>>10, late>>10, began, goroutines)
	return errors.Join(wrong...)
}

type soak struct {
	random      *rand.Rand
	server      *ffctest.Server
	proxy       *faults.Proxy
	clients     []*ffc.Client
	evaluations atomic.Uint64
	illegal     atomic.Uint64
	disturbed   int
	arrived     uint64 // at platforms that are gone
}

var values = []string{"v0", "v1", "v2", "v3"}

func release(value string) *ffctest.FlagBuilder {
	return ffctest.Flag("release").Variations(values...).Serve(value)
}

func (s *soak) open() (err error) {
	s.server = ffctest.NewServer(ffctest.Snapshot(release("v0")))
	if s.proxy, err = faults.NewProxy(s.server.URL, nil); err != nil {
		return err
	}
	for _, via := range []transport.Transport{
		&stream.Transport{
			FirstRetry: 5 * time.Millisecond, MaxRetry: 50 * time.Millisecond, PingInterval: 50 * time.Millisecond,
			SilenceTimeout: 300 * time.Millisecond, ConnectTimeout: 500 * time.Millisecond,
		},
		&poll.Transport{
			MaxAge: 5 * time.Millisecond, Timeout: 500 * time.Millisecond,
			FirstRetry: 5 * time.Millisecond, MaxRetry: 50 * time.Millisecond,
		},
	} {
		client, err := ffc.New(context.Background(), ffc.Config{
			EnvSecret: s.server.EnvSecret, BaseURL: s.proxy.URL(), Transport: via,
			Events: flush.Config{Interval: 20 * time.Millisecond, Timeout: 500 * time.Millisecond, RetryWait: time.Millisecond},
			Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return err
		}
		s.clients = append(s.clients, client)
	}
	return nil
}

func (s *soak) evaluate(ctx context.Context, c *ffc.Client) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	user := ffc.NewUser("user", ffc.String("plan", "free"))
	for {
		d := c.VariationDetail(ctx, "release", user, "fallback")
		if d.Err != nil || d.Value == "fallback" {
			s.illegal.Add(1)
		}
		s.evaluations.Add(1)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *soak) refresh(ctx context.Context, c *ffc.Client) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = c.Refresh(ctx)
		}
	}
}

// disturb breaks and mends things until ctx ends. It returns the size of the
// heap after the first third, when all that grows once has, and in the end.
func (s *soak) disturb(ctx context.Context) (early, late uint64) {
	deadline, _ := ctx.Deadline()
	third := time.Until(deadline) * 2 / 3
	for ctx.Err() == nil {
		s.disturbed++
		mend := s.fault()
		s.server.Put(release(values[s.random.IntN(len(values))]))
		s.pause(ctx, 100)
		mend()
		s.pause(ctx, 100)
		if early == 0 && time.Until(deadline) < third {
			s.restart()
			early = heap()
		}
	}
	s.restart()
	return early, heap()
}

// restart restarts the platform. The one before kept all that it was sent, which
// is not the clients' memory.
func (s *soak) restart() {
	old := s.server
	s.server = ffctest.NewServer(old.Snapshot())
	s.proxy.Target(s.server.URL)
	old.Close()
	s.arrived += uint64(len(old.Events()))
}

func (s *soak) pause(ctx context.Context, most int) {
	timer := time.NewTimer(time.Duration(s.random.IntN(most)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// fault breaks something.
func (s *soak) fault() (mend func()) {
	network := func(f faults.Fault) func() {
		s.proxy.Set(f)
		s.proxy.Break()
		return func() { s.proxy.Set(faults.Fault{}) }
	}
	nothing := func() {}
	switch s.random.IntN(14) {
	case 12:
		s.restart()
		return nothing
	case 0:
		s.proxy.Down()
		s.proxy.Break()
		return func() { _ = s.proxy.Up() }
	case 1:
		return network(faults.Fault{Drop: true})
	case 2:
		return network(faults.Fault{Cut: &faults.Cut{Answer: s.random.IntN(2) == 0, After: s.random.IntN(400), Orderly: s.random.IntN(2) == 0}})
	case 3:
		s.proxy.Set(faults.Fault{Swallow: true})
		return func() { s.proxy.Set(faults.Fault{}) }
	case 4:
		return network(faults.Fault{Chunk: 1})
	case 5:
		return network(faults.Fault{Gather: 10 * time.Millisecond})
	case 6:
		s.server.CloseConnections([]int{1000, 1001, 1011, 1012, 4003}[s.random.IntN(5)], "")
		return nothing
	case 7:
		s.server.Send([]byte([]string{"{", "null", `{"messageType":"data-sync","data":{"eventType":"full"}}`}[s.random.IntN(3)]))
		return nothing
	case 8:
		return s.server.Stall(ffctest.Events)
	case 9:
		return s.server.Stall(ffctest.Streaming)
	case 10:
		return s.server.Fail(ffctest.Polling, ffctest.Failure{Status: 500 + s.random.IntN(5)})
	case 11:
		s.server.FailNext(ffctest.Events, 3, ffctest.Failure{Reset: true, Processed: s.random.IntN(2) == 0})
		return nothing
	}
	s.server.Skew(time.Duration(s.random.IntN(41)-20) * time.Minute)
	s.server.DropConnections()
	return func() { s.server.Skew(0) }
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// close takes stock and ends everything. It returns what is wrong.
func (s *soak) close(out io.Writer) (wrong []error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var delivered, resent uint64
	for i, c := range s.clients {
		if err := s.server.WaitSynced(ctx, c); err != nil {
			wrong = append(wrong, fmt.Errorf("client %d: %w", i, err))
		}
		for c.Flush(ctx) != nil && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		if err := c.Close(ctx); err != nil {
			wrong = append(wrong, fmt.Errorf("client %d: Close: %w", i, err))
		}
		stats := c.Stats()
		e := stats.Events
		fmt.Fprintf(out, "client %d: %+v\n", i, stats)
		if e.Recorded != e.Delivered || e.Queued != 0 || e.Dropped.Total() != 0 {
			wrong = append(wrong, fmt.Errorf("client %d: the books do not balance: %+v", i, e))
		}
		delivered += e.Delivered
		resent += e.Resent
	}
	arrived := s.arrived + uint64(len(s.server.Events()))
	fmt.Fprintf(out, "%d events arrived, %d were delivered, %d sent again\n", arrived, delivered, resent)
	if arrived < delivered || arrived > delivered+resent {
		wrong = append(wrong, errors.New("what arrived is not what was delivered"))
	}
	if n := s.illegal.Load(); n > 0 {
		wrong = append(wrong, fmt.Errorf("%d evaluations had no value", n))
	}
	s.proxy.Close()
	s.server.Close()
	return wrong
}

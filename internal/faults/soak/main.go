// Command soak runs clients of both platforms, with every transport, through
// faults of all kinds, as long as -for says. It fails unless every event is
// accounted for, the clients have the platform's data in the end, and memory and
// goroutines have not grown.
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
	evaluators = 2 // for each client
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
	for _, p := range s.platforms {
		for _, c := range p.clients {
			for range evaluators {
				work.Go(func() { s.evaluate(ctx, c) })
			}
			work.Go(func() { s.refresh(ctx, c) })
		}
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
	platforms   []*platform
	evaluations atomic.Uint64
	illegal     atomic.Uint64
	disturbed   int
}

// platform is a platform behind a network that breaks, and its clients.
type platform struct {
	platform ffctest.Platform
	random   *rand.Rand // the soak's
	server   *ffctest.Server
	proxy    *faults.Proxy
	clients  []*ffc.Client
	arrived  uint64 // events, at servers that are gone
}

var values = []string{"v0", "v1", "v2", "v3"}

func release(value string) *ffctest.FlagBuilder {
	return ffctest.Flag("release").Variations(values...).Serve(value)
}

func (s *soak) open() error {
	for _, g := range []ffctest.Platform{ffctest.Classic, ffctest.FeatBit} {
		p := &platform{platform: g, random: s.random}
		s.platforms = append(s.platforms, p)
		if err := p.open(); err != nil {
			return err
		}
	}
	return nil
}

func push() *stream.Transport {
	return &stream.Transport{
		FirstRetry: 5 * time.Millisecond, MaxRetry: 50 * time.Millisecond, PingInterval: 50 * time.Millisecond,
		SilenceTimeout: 300 * time.Millisecond, ConnectTimeout: 500 * time.Millisecond,
	}
}

func requests() *poll.Transport {
	return &poll.Transport{
		MaxAge: 10 * time.Millisecond, Timeout: 500 * time.Millisecond,
		FirstRetry: 5 * time.Millisecond, MaxRetry: 50 * time.Millisecond,
	}
}

// transports are all ways to get data.
func transports() []transport.Transport {
	onDemand, falling, polling := push(), push(), requests()
	onDemand.OnDemand, onDemand.MaxAge = true, 10*time.Millisecond
	falling.Fallback, falling.FallbackAfter = requests(), 50*time.Millisecond
	polling.Interval = 20 * time.Millisecond
	return []transport.Transport{push(), onDemand, falling, requests(), polling}
}

func (p *platform) open() (err error) {
	p.server = p.platform.NewServer(p.platform.Snapshot(release("v0")))
	if p.proxy, err = faults.NewProxy(p.server.URL, nil); err != nil {
		return err
	}
	for _, via := range transports() {
		client, err := ffc.New(context.Background(), ffc.Config{
			EnvSecret: p.server.EnvSecret, BaseURL: p.proxy.URL(), Transport: via,
			Events: flush.Config{Interval: 20 * time.Millisecond, Timeout: 500 * time.Millisecond, RetryWait: time.Millisecond},
			Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return err
		}
		p.clients = append(p.clients, client)
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
		p := s.platforms[s.random.IntN(len(s.platforms))]
		mend := p.fault()
		p.server.Put(release(values[s.random.IntN(len(values))]))
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

// restart restarts all platforms.
func (s *soak) restart() {
	for _, p := range s.platforms {
		p.restart()
	}
}

// restart restarts the platform. The server before kept all that it was sent,
// which is not the clients' memory.
func (p *platform) restart() {
	old := p.server
	p.server = p.platform.NewServer(old.Snapshot())
	p.proxy.Target(p.server.URL)
	old.Close()
	p.arrived += uint64(len(old.Events()))
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
func (p *platform) fault() (mend func()) {
	network := func(f faults.Fault) func() {
		p.proxy.Set(f)
		p.proxy.Break()
		return func() { p.proxy.Set(faults.Fault{}) }
	}
	nothing := func() {}
	switch p.random.IntN(15) {
	case 12:
		p.restart()
		return nothing
	case 13: // a firewall, a proxy
		statuses := []int{401, 403, 404, 407, 421, 425, 429, 503}
		p.server.FailNext(ffctest.Events, 1, ffctest.Failure{Status: statuses[p.random.IntN(len(statuses))]})
		return nothing
	case 0:
		p.proxy.Down()
		p.proxy.Break()
		return func() { _ = p.proxy.Up() }
	case 1:
		return network(faults.Fault{Drop: true})
	case 2:
		return network(faults.Fault{Cut: &faults.Cut{Answer: p.random.IntN(2) == 0, After: p.random.IntN(400), Orderly: p.random.IntN(2) == 0}})
	case 3:
		p.proxy.Set(faults.Fault{Swallow: true})
		return func() { p.proxy.Set(faults.Fault{}) }
	case 4:
		return network(faults.Fault{Chunk: 1})
	case 5:
		return network(faults.Fault{Gather: 10 * time.Millisecond})
	case 6:
		p.server.CloseConnections([]int{1000, 1001, 1011, 1012}[p.random.IntN(4)], "")
		return nothing
	case 7:
		p.server.Send([]byte([]string{"{", "null", `{"messageType":"data-sync","data":{"eventType":"full"}}`}[p.random.IntN(3)]))
		return nothing
	case 8:
		return p.server.Stall(ffctest.Events)
	case 9:
		return p.server.Stall(ffctest.Streaming)
	case 10:
		return p.server.Fail(ffctest.Polling, ffctest.Failure{Status: 500 + p.random.IntN(5)})
	case 11:
		p.server.FailNext(ffctest.Events, 3, ffctest.Failure{Reset: true, Processed: p.random.IntN(2) == 0})
		return nothing
	}
	p.server.Skew(time.Duration(p.random.IntN(41)-20) * time.Minute)
	p.server.DropConnections()
	return func() { p.server.Skew(0) }
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// close takes stock and ends everything. It returns what is wrong.
func (s *soak) close(out io.Writer) (wrong []error) {
	for _, p := range s.platforms {
		for _, err := range p.close(out) {
			wrong = append(wrong, fmt.Errorf("%v: %w", p.platform, err))
		}
	}
	if n := s.illegal.Load(); n > 0 {
		wrong = append(wrong, fmt.Errorf("%d evaluations had no value", n))
	}
	return wrong
}

func (p *platform) close(out io.Writer) (wrong []error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var delivered, resent uint64
	for i, c := range p.clients {
		if err := p.server.WaitSynced(ctx, c); err != nil {
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
		fmt.Fprintf(out, "%v, client %d: %+v\n", p.platform, i, stats)
		if e.Recorded != e.Delivered || e.Queued != 0 || e.Dropped.Total() != 0 {
			wrong = append(wrong, fmt.Errorf("client %d: the books do not balance: %+v", i, e))
		}
		delivered += e.Delivered
		resent += e.Resent
	}
	arrived := p.arrived + uint64(len(p.server.Events()))
	fmt.Fprintf(out, "%v: %d events arrived, %d were delivered, %d sent again\n", p.platform, arrived, delivered, resent)
	if arrived < delivered || arrived > delivered+resent {
		wrong = append(wrong, errors.New("what arrived is not what was delivered"))
	}
	p.proxy.Close()
	p.server.Close()
	return wrong
}

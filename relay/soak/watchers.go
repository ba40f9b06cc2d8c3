package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// watched is the flag that changes on a platform.
const watched = "flag"

// platform is a platform with 100 flags, of which one changes.
type platform struct {
	*ffctest.Server
	flag *ffctest.FlagBuilder
}

// newPlatform returns a platform on which change can be called with 1 to changes.
func newPlatform(changes int) *platform {
	flag := ffctest.Flag(watched).Variations(values(changes + 1)...)
	items := []ffctest.Item{flag.Serve("0")}
	for i := range 99 {
		items = append(items, ffctest.Flag(fmt.Sprint("flag-", i)))
	}
	return &platform{ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot(items...)), flag}
}

// change lets the flag serve a number.
func (p *platform) change(n int) { p.Put(p.flag.Serve(strconv.Itoa(n))) }

// publishTo publishes to an engine until end is called, and returns when it leads.
func (p *platform) publishTo(ctx context.Context, b fleet.Backend) (environment string, end func(), err error) {
	publisher := &relay.Publisher{
		Config:  ffc.Config{EnvSecret: p.EnvSecret, BaseURL: p.URL, Logger: testkit.Quiet()},
		Backend: b,
	}
	running, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = publisher.Run(running) }() // returns the error of its context
	end = func() { cancel(); <-ended }
	for publisher.Status().Revision == 0 {
		if ctx.Err() != nil {
			return "", end, errors.Join(errors.New("no publisher leads"), publisher.Status().Err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return publisher.Status().Environment, end, nil
}

// loadWatchers measures how long a change takes to reach clients that watch: 1,000
// on this machine, and 100 beside 900 that read as much from the engine, but whose
// work on the data is that of other machines.
func (s *soak) loadWatchers() (figures []figure, err error) {
	for _, counts := range [][2]int{{1000, 0}, {100, 900}} {
		elsewhere := 0
		if counts[1] > 0 {
			elsewhere = s.part(counts[1])
		}
		f, err := s.watchers(s.part(counts[0]), elsewhere)
		if err != nil {
			return nil, err
		}
		figures = append(figures, f)
	}
	return figures, nil
}

// watchElsewhere reads what a client that watches reads, until ctx ends, and does
// nothing with it.
func watchElsewhere(ctx context.Context, b *fleetredis.Backend, environment string) {
	name := fleetdata.Name(environment, fleetdata.HeadObject)
	heads := make(chan []byte, 100) // nil is to be read
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() {
		_ = b.WatchValue(ctx, name, func(value []byte) { // returns the error of ctx
			select {
			case heads <- value:
			default:
			}
		})
	})
	body := ""
	for {
		var text []byte
		select {
		case text = <-heads:
		case <-ctx.Done():
			return
		}
		if text == nil {
			text, _, _ = b.Get(ctx, name)
		}
		if h, err := fleetdata.ParseHead(text); err == nil && h.Body != body {
			body = h.Body
			_, _, _ = b.Get(ctx, fleetdata.ChunkName(environment, body, 0))
		}
	}
}

func (s *soak) watchers(count, elsewhere int) (figure, error) {
	changes := s.part(20)
	r, err := startRedis()
	if err != nil {
		return figure{}, err
	}
	defer r.close()
	p := newPlatform(changes)
	defer p.Close()
	own := r.backend()
	defer own.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	environment, end, err := p.publishTo(ctx, own)
	defer end()
	if err != nil {
		return figure{}, err
	}
	seen := make(chan time.Duration, count)
	var changed atomic.Int64 // when the platform changed the flag, in ns
	var want atomic.Int64
	for range count {
		b := r.backend()
		defer b.Close()
		client, err := fleetkit.NewReader(ctx, &fleet.Transport{Backends: []fleet.Backend{b}, Environment: environment, Watch: true, Spread: -1}, 0)
		if err != nil {
			return figure{}, err
		}
		defer client.Close(context.Background())
		has := int64(0)
		defer client.OnChange(func([]string) {
			if now := want.Load(); client.Variation(ctx, watched, ffc.NewUser("u"), "none") == fmt.Sprint(now) && has < now {
				has = now
				seen <- time.Duration(time.Now().UnixNano() - changed.Load())
			}
		})()
	}
	var others sync.WaitGroup
	defer others.Wait()
	reading, stop := context.WithCancel(ctx)
	defer stop()
	for range elsewhere {
		b := r.backend()
		defer b.Close()
		others.Go(func() { watchElsewhere(reading, b, environment) })
	}
	time.Sleep(time.Second) // all watch
	idle := time.Duration(s.part(10_000)) * time.Millisecond
	idleRedis, err := r.usage()
	if err != nil {
		return figure{}, err
	}
	time.Sleep(idle)
	before, err := testkit.ProcessorTime(os.Getpid())
	if err != nil {
		return figure{}, err
	}
	beforeRedis, err := r.usage()
	if err != nil {
		return figure{}, err
	}
	var all []time.Duration
	for n := range changes {
		want.Store(int64(n + 1))
		changed.Store(time.Now().UnixNano())
		p.change(n + 1)
		for range count {
			select {
			case took := <-seen:
				all = append(all, took)
			case <-ctx.Done():
				return figure{}, fmt.Errorf("change %d has reached %d of %d watchers in time", n+1, len(all)%count, count)
			}
		}
		time.Sleep(500 * time.Millisecond) // others have read, and a change publishes at most every 100 ms
	}
	after, err := testkit.ProcessorTime(os.Getpid())
	if err != nil {
		return figure{}, err
	}
	afterRedis, err := r.usage()
	if err != nil {
		return figure{}, err
	}
	what := fmt.Sprintf("a change on the platform to visible in %d clients that watch, 100 flags, no Spread", count)
	if elsewhere > 0 {
		return figure{fmt.Sprintf("%s, beside %d that only read the body", what, elsewhere), percentiles(all)}, nil
	}
	each := func(d time.Duration) time.Duration { return (d / time.Duration(len(all))).Round(time.Microsecond) }
	client, server := each(after-before), each(afterRedis.cpu-beforeRedis.cpu)
	return figure{what, fmt.Sprintf("%s; for each client and change %v of a core, and %v for Redis, which is %v for all on %d idle cores; with no change Redis: %.1f %% of a core, %.0f kB/s",
		percentiles(all), client, server, ((client + server) * time.Duration(count) / time.Duration(runtime.NumCPU())).Round(time.Millisecond), runtime.NumCPU(),
		100*(beforeRedis.cpu-idleRedis.cpu).Seconds()/idle.Seconds(), float64(beforeRedis.bytes-idleRedis.bytes)/1000/idle.Seconds())}, nil
}

// values returns 0, 1, …
func values(n int) (all []string) {
	for i := range n {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

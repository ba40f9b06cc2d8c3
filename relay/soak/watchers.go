package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// loadWatchers measures how long a change takes to reach clients that watch.
func (s *soak) loadWatchers() ([]figure, error) {
	const changes = 20
	watchers := s.part(1000)
	r, err := startRedis()
	if err != nil {
		return nil, err
	}
	defer r.close()
	flag := ffctest.Flag("flag").Variations(values(changes + 1)...)
	items := []ffctest.Item{flag.Serve("0")}
	for i := range 99 {
		items = append(items, ffctest.Flag(fmt.Sprint("flag-", i)))
	}
	platform := ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot(items...))
	defer platform.Close()
	own := r.backend()
	defer own.Close()
	publisher := &relay.Publisher{
		Config:  ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Logger: slog.New(slog.DiscardHandler)},
		Backend: own,
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	ended := make(chan struct{})
	go func() { defer close(ended); _ = publisher.Run(ctx) }() // returns the error of ctx
	defer func() { cancel(); <-ended }()
	for publisher.Status().Revision == 0 {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("no publisher leads: %w", ctx.Err())
		}
		time.Sleep(10 * time.Millisecond)
	}
	seen := make(chan time.Duration, watchers)
	var changed atomic.Int64 // when the platform changed the flag, in ns
	var want atomic.Int64
	for range watchers {
		b := r.backend()
		defer b.Close()
		client, err := ffc.New(ctx, ffc.Config{
			Platform:  ffc.PlatformFeatBit,
			Transport: &fleet.Transport{Backends: []fleet.Backend{b}, Environment: publisher.Status().Environment, Watch: true, Spread: -1},
			Events:    flush.Config{Disabled: true}, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return nil, err
		}
		defer client.Close(context.Background())
		has := int64(0)
		defer client.OnChange(func([]string) {
			if now := want.Load(); client.Variation(ctx, "flag", ffc.NewUser("u"), "none") == fmt.Sprint(now) && has < now {
				has = now
				seen <- time.Duration(time.Now().UnixNano() - changed.Load())
			}
		})()
	}
	time.Sleep(time.Second) // all watch
	before, err := processorTime(os.Getpid())
	if err != nil {
		return nil, err
	}
	var all []time.Duration
	for n := range int64(changes) {
		want.Store(n + 1)
		changed.Store(time.Now().UnixNano())
		platform.Put(flag.Serve(fmt.Sprint(n + 1)))
		for range watchers {
			select {
			case took := <-seen:
				all = append(all, took)
			case <-ctx.Done():
				return nil, fmt.Errorf("change %d has reached %d of %d watchers in time", n+1, len(all)%watchers, watchers)
			}
		}
		time.Sleep(200 * time.Millisecond) // a change publishes at most every 100 ms
	}
	after, err := processorTime(os.Getpid())
	if err != nil {
		return nil, err
	}
	each := (after - before) / time.Duration(len(all))
	return []figure{{fmt.Sprintf("a change on the platform to visible in %d clients that watch, 100 flags, no Spread", watchers), fmt.Sprintf("%s; %v of a core for each client and change", percentiles(all), each.Round(time.Microsecond))}}, nil
}

// values returns 0, 1, …
func values(n int) (all []string) {
	for i := range n {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

package harness

import (
	"runtime"
	"sync"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"
)

// singles are the scenarios that evaluate one flag.
func singles[U any](p sdk.Peer[U]) []string {
	if p.NoRules {
		return []string{"s1"}
	}
	return []string{"s1", "s2", "s3", "s4", "s5", "s6"}
}

// Evaluate measures every scenario, as events=off|on|kept|full, scenario=s1..s7,
// user=shared|built, cores=1|all. With kept, the time to empty the queue does
// not count and no event is lost; with full, the queue has no room and every event
// is lost; with on, the SDK's defaults decide what becomes of events that come
// faster than they leave.
func Evaluate[U any](b *testing.B, p sdk.Peer[U]) {
	b.Run("events=off", func(b *testing.B) { evaluate(b, p, sdk.Config{}) })
	if p.Events {
		b.Run("events=on", func(b *testing.B) { evaluate(b, p, sdk.Config{Events: true}) })
	}
	if p.Burst > 0 {
		b.Run("events=kept", func(b *testing.B) { evaluate(b, p, sdk.Config{Events: true, Keep: true}) })
		b.Run("events=full", func(b *testing.B) { evaluate(b, p, sdk.Config{Events: true, Full: true}) })
	}
}

func evaluate[U any](b *testing.B, p sdk.Peer[U], cfg sdk.Config) {
	for _, flag := range singles(p) {
		b.Run("scenario="+flag, func(b *testing.B) {
			c := open(b, p, scenario, cfg)
			defer c.Close()
			loop := everyCore
			if cfg.Keep {
				loop = inBursts(p.Burst, c.(sdk.Drainer).Drain)
			}
			user := c.User(fixture.Hit())
			if cfg.Full {
				spread(1, 2*p.Burst, func() { c.Bool(flag, user) })
			}
			measure(b, "user=shared", loop, func() { c.Bool(flag, user) })
			measure(b, "user=built", loop, func() { c.Bool(flag, c.User(fixture.Hit())) })
		})
	}
	if cfg.Keep || cfg.Full {
		return // s7 makes no events, or too many
	}
	b.Run("scenario=s7", func(b *testing.B) {
		c := open(b, p, bulk, cfg)
		defer c.Close()
		user := c.User(fixture.Hit())
		measure(b, "user=shared", everyCore, func() { c.All(user) })
	})
}

// loop calls work b.N times, on one core or on all.
type loop func(b *testing.B, cores int, work func())

func measure(b *testing.B, name string, loop loop, work func()) {
	work() // the first use of a flag may prepare it
	b.Run(name+"/cores=1", func(b *testing.B) { loop(b, 1, work) })
	b.Run(name+"/cores=all", func(b *testing.B) { loop(b, runtime.GOMAXPROCS(0), work) })
}

func everyCore(b *testing.B, cores int, work func()) {
	b.ReportAllocs()
	if cores == 1 {
		for b.Loop() {
			work()
		}
		return
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			work()
		}
	})
}

// inBursts returns a loop that stops the clock after each burst, to drain.
func inBursts(burst int, drain func()) loop {
	return func(b *testing.B, cores int, work func()) {
		b.ReportAllocs()
		drain()
		b.ResetTimer()
		for left := b.N; left > 0; left -= burst {
			spread(cores, min(left, burst), work)
			b.StopTimer()
			drain()
			b.StartTimer()
		}
	}
}

// spread calls work n times.
func spread(cores, n int, work func()) {
	if cores == 1 {
		for range n {
			work()
		}
		return
	}
	var all sync.WaitGroup
	for i := range cores {
		all.Go(func() {
			for range (n + i) / cores {
				work()
			}
		})
	}
	all.Wait()
}

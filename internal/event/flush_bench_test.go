package event

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// BenchmarkRecordNoAlloc is the cost of an event for the evaluating goroutine.
func BenchmarkRecordNoAlloc(b *testing.B) {
	const capacity = 1 << 16
	u := user("u")
	own := served("own", "1", "true")
	prerequisites := []eval.Result{served("a", "1", "true"), served("b", "1", "true")}

	b.Run("evaluation", func(b *testing.B) {
		b.ReportAllocs()
		p := inMemory(flush.Config{Capacity: capacity}, &testPlatform{})
		for i := 1; b.Loop(); i++ {
			p.RecordEvaluation(u, nil, &own)
			if i%(capacity/8) == 0 {
				b.StopTimer()
				p.queue.leave(everything)
				b.StartTimer()
			}
		}
	})
	b.Run("with 2 prerequisites", func(b *testing.B) {
		b.ReportAllocs()
		p := inMemory(flush.Config{Capacity: capacity}, &testPlatform{})
		for i := 1; b.Loop(); i++ {
			p.RecordEvaluation(u, prerequisites, &own)
			if i%(capacity/24) == 0 {
				b.StopTimer()
				p.queue.leave(everything)
				b.StartTimer()
			}
		}
	})
	b.Run("full queue", func(b *testing.B) {
		b.ReportAllocs()
		p := inMemory(flush.Config{Capacity: 1}, &testPlatform{})
		for b.Loop() {
			p.RecordEvaluation(u, nil, &own)
		}
	})
	b.Run("fallback", func(b *testing.B) {
		b.ReportAllocs()
		p := inMemory(flush.Config{}, &testPlatform{})
		for b.Loop() {
			p.RecordFallback(eval.ReasonFlagNotFound)
		}
	})
	// Goroutines that run in parallel have no time to stop, so this includes
	// emptying the queue.
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		p := inMemory(flush.Config{Capacity: capacity}, &testPlatform{})
		var turn sync.Mutex
		b.RunParallel(func(pb *testing.PB) {
			for i := 1; pb.Next(); i++ {
				p.RecordEvaluation(u, nil, &own)
				if i%(capacity/8) == 0 && turn.TryLock() {
					p.queue.leave(everything)
					turn.Unlock()
				}
			}
		})
	})
	b.Run("full queue parallel", func(b *testing.B) {
		b.ReportAllocs()
		p := inMemory(flush.Config{Capacity: 1}, &testPlatform{})
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				p.RecordEvaluation(u, nil, &own)
			}
		})
	})
}

// recordMany queues evaluations of a hundred users.
func recordMany(p *Processor, n int) {
	r := served("checkout", "1", "true")
	users := make([]*eval.User, 100)
	for i := range users {
		users[i] = &eval.User{Key: fmt.Sprintf("user-%d", i), Name: "Ann", Email: "ann@example.com", Country: "FR"}
		users[i].Set("plan", "pro")
		users[i].Set("age", "18")
	}
	for i := range n {
		p.RecordEvaluation(users[i/4%len(users)], nil, &r)
	}
}

// BenchmarkFlush delivers 10,000 events to a server on loopback.
func BenchmarkFlush(b *testing.B) {
	const events = 10_000
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	b.Cleanup(server.Close)
	p := New(flush.Config{}, destination(server.URL, server.Client()))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		recordMany(p, events)
		b.StartTimer()
		if err := p.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
}

// BenchmarkEncode makes the body of a request of 100 events.
func BenchmarkEncode(b *testing.B) {
	p := inMemory(flush.Config{}, &testPlatform{})
	recordMany(p, 100)
	backlog := p.queue.take()
	events := make([]*waiting, len(backlog))
	for i := range backlog {
		events[i] = &backlog[i]
	}
	body, _ := p.encode(events, len(events))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		p.encode(events, len(events))
	}
}

// BenchmarkTake is what a flush costs before it encodes anything, and the
// release of the places after it.
func BenchmarkTake(b *testing.B) {
	p := inMemory(flush.Config{}, &testPlatform{})
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		recordMany(p, 10_000)
		b.StartTimer()
		p.queue.leave(everything)
	}
}

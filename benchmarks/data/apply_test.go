package data_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
)

// BenchmarkPatch applies a push of one flag to a client that has 10,000, until
// an evaluation sees it.
func BenchmarkPatch(b *testing.B) {
	client, store, _ := loaded(b)
	version := int64(1_700_000_000_000)
	user := ann()
	for b.Loop() {
		b.StopTimer()
		version++
		on := version%2 == 0
		patch := must(fixture.ClassicPatch(fixture.Flag{Key: "flag-04711", Fallthrough: fixture.Serve{Value: on}}, version))(b)
		b.StartTimer()
		if _, err := store.Apply(patch, store.Mark()); err != nil {
			b.Fatal(err)
		}
		if client.BoolVariation(context.Background(), "flag-04711", user, !on) != on {
			b.Fatal("the patch is not visible")
		}
	}
	b.ReportAllocs()
}

// BenchmarkFull applies all of 10,000 flags: to a client that has none, that has
// the same ones, that has one of them in an earlier version, and that has all of them so.
func BenchmarkFull(b *testing.B) {
	full := must(fixture.Classic(fixture.Bulk(flags)))(b)
	b.Run("first", func(b *testing.B) {
		b.SetBytes(int64(len(full)))
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			_, store := connected(b)
			b.StartTimer()
			if _, err := store.Apply(full, store.Mark()); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, test := range []struct {
		name   string
		change int // number of flags that are newer
	}{{"same", 0}, {"one newer", 1}, {"newer", flags}} {
		b.Run(test.name, func(b *testing.B) {
			_, store, _ := loaded(b)
			b.SetBytes(int64(len(full)))
			b.ReportAllocs()
			for version := 1663656880583; b.Loop(); version++ {
				b.StopTimer()
				next := bytes.Replace(full, []byte("1663656880582"), []byte(strconv.Itoa(version)), test.change)
				b.StartTimer()
				if _, err := store.Apply(next, store.Mark()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEvaluateDuringFull is evaluations while another goroutine applies
// fulls of 10,000 flags all the time: they must not wait for it. Where there are
// fewer cores than goroutines that want one, the longest shows the scheduler.
func BenchmarkEvaluateDuringFull(b *testing.B) {
	client, store, full := loaded(b)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for version := 1663656880583; ; version++ {
			select {
			case <-stop:
				return
			default:
			}
			next := bytes.ReplaceAll(full, []byte("1663656880582"), []byte(strconv.Itoa(version)))
			if _, err := store.Apply(next, store.Mark()); err != nil {
				b.Error(err)
				return
			}
		}
	}()
	keys := make([]string, 100) // the first use of each after a full prepares it
	for i := range keys {
		keys[i] = fmt.Sprintf("flag-%05d", i)
	}
	user := ann()
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		begin := time.Now()
		client.BoolVariation(context.Background(), keys[i%100], user, false)
		took = append(took, time.Since(begin))
	}
	close(stop)
	<-stopped
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "median-ns")
	b.ReportMetric(float64(took[len(took)*999/1000].Nanoseconds()), "p99.9-ns")
}

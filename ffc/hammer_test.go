package ffc_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// TestHammer evaluates from many goroutines while patches of several flags
// arrive and events leave. Every answer must come from exactly one version of
// the data, every event must arrive, and the counts must agree.
func TestHammer(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testHammer)
}

func testHammer(t *testing.T, g ffctest.Platform) {
	t.Parallel()
	const readers, rounds = 8, 300
	patches := 30
	if testkit.All() {
		patches = 100
	}
	eventsPerRound := int64(3)
	if g == ffctest.Classic {
		eventsPerRound++ // that of the prerequisite
	}
	var values []string
	for i := range patches + 1 {
		values = append(values, fmt.Sprintf("v%03d", i))
	}
	// Flags that always have the same value, in different ways.
	version := func(i int) []ffctest.Item {
		direct := ffctest.Flag("direct").Variations(values...).Serve(values[i])
		dependent := ffctest.Flag("dependent").Variations(values...).OffVariation("v000").Serve(values[i])
		if g == ffctest.Classic {
			dependent = dependent.Prerequisite(direct, values[i])
		}
		return []ffctest.Item{
			direct,
			dependent,
			ffctest.Flag("by-segment").Variations(values...).Rule(values[i], ffctest.InSegment(fmt.Sprintf("segment-%d", i%2))).Serve("v000"),
			ffctest.Segment(fmt.Sprintf("segment-%d", i%2)).Include("u"),
		}
	}
	server, client := connectedTo(t, g, func(c *ffc.Config) {
		c.Events = flush.Config{Interval: 2 * time.Millisecond, Capacity: 1_000_000}
	}, version(0)...)

	// One message for all of a version: the builders write a full, which a
	// patch differs from in its name only.
	patch := func(i int) []byte {
		items := version(i)
		for n, item := range items {
			switch item := item.(type) {
			case *ffctest.FlagBuilder:
				items[n] = item.Version(int64(1000 + i))
			case *ffctest.SegmentBuilder:
				items[n] = item.Version(int64(1000 + i))
			}
		}
		return []byte(strings.Replace(string(g.Snapshot(items...)), `"full"`, `"patch"`, 1))
	}

	var done atomic.Bool
	var evaluations, events atomic.Int64
	var wg sync.WaitGroup
	user, ctx := ffc.NewUser("u"), t.Context()
	for range readers {
		wg.Go(func() {
			last := ""
			for round := 0; !done.Load(); round++ {
				if round >= rounds { // enough events
					readAll(t, client, user)
					continue
				}
				flags := client.For(user)
				a, b, c := flags.String(ctx, "direct", "?"), flags.String(ctx, "dependent", "?"), flags.String(ctx, "by-segment", "?")
				if a != b || a != c {
					t.Errorf("answers of different versions: %s, %s, %s", a, b, c)
					return
				}
				if a < last {
					t.Errorf("%s after %s", a, last)
					return
				}
				last = a
				evaluations.Add(3)
				events.Add(eventsPerRound)
			}
		})
	}
	for i := 1; i <= patches; i++ {
		server.Send(patch(i))
		waitFor(t, client, func() bool { return client.Status().DataVersion >= int64(1000+i) })
		if i%10 == 0 {
			if err := client.Flush(ctx); err != nil {
				t.Error(err)
			}
		}
	}
	done.Store(true)
	wg.Wait()
	if err := client.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	stats := client.Stats()
	if stats.Evaluations != uint64(evaluations.Load()) || stats.Fallbacks != 0 {
		t.Errorf("counted %d evaluations and %d fallbacks, made %d and 0", stats.Evaluations, stats.Fallbacks, evaluations.Load())
	}
	if e := stats.Events; e.Recorded != uint64(events.Load()) || e.Delivered != e.Recorded || e.Queued != 0 || e.Dropped.Total() != 0 {
		t.Errorf("recorded %d events, and the books say %+v", events.Load(), e)
	}
	if arrived := len(server.Events()); arrived != int(events.Load()) {
		t.Errorf("recorded %d events, %d arrived", events.Load(), arrived)
	}
	if stats.Updates < uint64(patches+1) {
		t.Errorf("counted %d updates", stats.Updates)
	}
}

// readAll evaluates everything, without events, and compares.
func readAll(t *testing.T, client *ffc.Client, user ffc.User) {
	text, err := json.Marshal(client.AllVariations(t.Context(), user))
	var all struct{ Data []struct{ Variation string } }
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil || len(all.Data) != 3 || all.Data[0].Variation != all.Data[1].Variation || all.Data[0].Variation != all.Data[2].Variation {
		t.Errorf("answers of different versions: %s (%v)", text, err)
	}
	runtime.Gosched()
}

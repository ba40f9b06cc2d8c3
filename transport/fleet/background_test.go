package fleet_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

func TestIntervalReadsInTheBackground(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		r := newReader(t, func(tr *fleet.Transport) { tr.Interval = 10 * time.Second }, m)
		defer r.close()
		write(t, m, headOf("a", 2, 2, nil), data("off", 2), 0)
		time.Sleep(8 * time.Second)
		r.expect("on", ffc.StateOK, 1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		r.expect("off", ffc.StateOK, 2)
		if m.Calls("Watch") != 0 {
			t.Error("the reader watches without Watch")
		}
	})
}

func TestWatchReadsWithinSpread(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		r := newReader(t, func(tr *fleet.Transport) { tr.Watch = true }, m)
		defer r.close()
		time.Sleep(5 * time.Second)
		write(t, m, headOf("a", 2, 2, nil), data("off", 2), 0)
		time.Sleep(time.Second)
		synctest.Wait()
		r.expect("off", ffc.StateOK, 2)
	})
}

// Without a Spread of their own, readers do not all read in the same instant.
func TestDefaultSpreadSpreadsReaders(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		var readers []*reader
		for range 50 {
			r := newReader(t, func(tr *fleet.Transport) { tr.Watch = true }, m)
			defer r.close()
			readers = append(readers, r)
		}
		time.Sleep(5 * time.Second)
		write(t, m, headOf("a", 2, 2, nil), data("off", 2), 0)
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		n := 0
		for _, r := range readers {
			if r.Status().Source.Revision == 2 {
				n++
			}
		}
		if n == 0 || n == len(readers) {
			t.Errorf("%d of %d readers have the change after half a second", n, len(readers))
		}
	})
}

func TestWatchWithoutSpreadReadsAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		r := newReader(t, func(tr *fleet.Transport) { tr.Watch, tr.Spread = true, -1 }, m)
		defer r.close()
		synctest.Wait()
		write(t, m, headOf("a", 2, 2, nil), data("off", 2), 0)
		synctest.Wait()
		r.expect("off", ffc.StateOK, 2)
	})
}

// Of a thousand readers that hear of a change at once, each tenth of Spread sees
// some, and none is late.
func TestSpreadSpreadsReaders(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		var readers []*reader
		for range 200 {
			r := newReader(t, func(tr *fleet.Transport) { tr.Watch, tr.Spread = true, 10*time.Second }, m)
			defer r.close()
			readers = append(readers, r)
		}
		time.Sleep(15 * time.Second) // the read that follows the beginning of watching
		write(t, m, headOf("a", 2, 2, nil), data("off", 2), 0)
		has := func() (n int) {
			for _, r := range readers {
				if r.Status().Source.Revision == 2 {
					n++
				}
			}
			return n
		}
		for part := range 10 {
			before := has()
			time.Sleep(time.Second)
			synctest.Wait()
			if n := has() - before; n == 0 || n > 60 {
				t.Errorf("%d of 200 readers read in second %d of 10", n, part)
			}
		}
		if n := has(); n != 200 {
			t.Errorf("%d of 200 readers have the change after Spread", n)
		}
	})
}

// An engine that serves 3,000 reads a second of each value throttles none of 10,000
// readers that hear of a change at once, and all have the change within Spread and
// 10 s. This is a fifth of both.
func TestChangeReachesManyReadersOfAThrottlingEngine(t *testing.T) {
	const readers, limit, spread = 2000, 600, 4 * time.Second
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		all := make([]*reader, readers)
		for i := range all {
			all[i] = newReader(t, func(tr *fleet.Transport) { tr.Watch, tr.Spread = true, spread }, m)
			defer all[i].close()
		}
		time.Sleep(2 * spread) // the read that follows the beginning of watching
		var mu sync.Mutex
		reads := make(map[string]int) // in a second
		refused := 0
		m.Before(func(_ context.Context, call fleettest.Call) error {
			mu.Lock()
			defer mu.Unlock()
			if call.Op != "Get" {
				return nil
			}
			second := fmt.Sprint(time.Now().Unix(), call.Name)
			if reads[second]++; reads[second] > limit {
				refused++
				return throttled{time.Second}
			}
			return nil
		})
		write(t, m, headOf("a", 2, 2, nil), data("off", 2), 0)
		time.Sleep(spread + 10*time.Second)
		synctest.Wait()
		for i, r := range all {
			if r.Status().Source.Revision != 2 {
				t.Fatalf("reader %d lacks the change", i)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if refused > 0 || len(reads) < 2*int(spread/time.Second) {
			t.Errorf("%d of %d reads in %d seconds and values were throttled", refused, 2*readers, len(reads))
		}
	})
}

// reporting is an engine that reports what is written, and counts reads of heads.
type reporting struct {
	*fleettest.Memory
	heads atomic.Int64
	other atomic.Bool // something else is reported than the value
	none  atomic.Bool // no value is reported
}

// Get implements fleet.Backend.
func (r *reporting) Get(ctx context.Context, name string) ([]byte, string, error) {
	if !fleetdata.IsBody(name) {
		r.heads.Add(1)
	}
	return r.Memory.Get(ctx, name)
}

// WatchValue implements fleet.ValueWatcher.
func (r *reporting) WatchValue(ctx context.Context, name string, changed func(value []byte)) error {
	return r.Watch(ctx, name, func() {
		value, _, _ := r.Memory.Get(ctx, name)
		if r.other.Load() {
			value = []byte("PONG")
		}
		if r.none.Load() {
			value = nil
		}
		changed(value)
	})
}

// A head that the engine has reported is not read, and means the same.
func TestReportedHeadsAreNotRead(t *testing.T) {
	for name, open := range map[string]func(*reporting) fleet.Backend{
		"alone": func(r *reporting) fleet.Backend { return r },
		"split": func(r *reporting) fleet.Backend { return fleet.Split{Heads: r, Bodies: r} },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, m *fleettest.Memory) {
				b := &reporting{Memory: m}
				write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
				r := newReader(t, func(tr *fleet.Transport) { tr.Watch = true }, open(b))
				defer r.close()
				time.Sleep(2 * time.Second)
				before := b.heads.Load()
				for beat := range int64(20) {
					time.Sleep(5 * time.Second)
					write(t, m, headOf("a", 1, 2+beat, nil), data("on", 1), 0)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if age := r.Status().DataAge; age > time.Second {
					t.Errorf("the data was confirmed %v ago, want at most 1 s", age)
				}
				write(t, m, headOf("a", 2, 30, nil), data("off", 2), 0)
				time.Sleep(time.Second)
				synctest.Wait()
				r.expect("off", ffc.StateOK, 2)
				if n := b.heads.Load() - before; n != 0 {
					t.Errorf("%d heads were read, want none", n)
				}
				time.Sleep(31 * time.Second) // without a report
				if n := b.heads.Load() - before; n != 1 {
					t.Errorf("%d heads were read after Interval, want 1", n)
				}
			})
		})
	}
}

// After a report that is not a head, and after watching anew, the head is read.
func TestReportsAreNotTrusted(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		b := &reporting{Memory: m}
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		r := newReader(t, func(tr *fleet.Transport) { tr.Watch, tr.Spread = true, 20*time.Second }, b)
		defer r.close()
		time.Sleep(time.Minute)
		b.other.Store(true)
		write(t, m, headOf("a", 2, 2, nil), data("off", 2), 0)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		r.expect("off", ffc.StateOK, 2)
		b.other.Store(false)
		write(t, m, headOf("a", 3, 3, nil), data("on", 3), 0)
		m.DropWatchers() // before the report is used
		m.Mute(true)
		write(t, m, headOf("a", 4, 4, nil), data("off", 4), 0)
		time.Sleep(5*time.Second + 20*time.Second) // until it watches again, and Spread
		synctest.Wait()
		r.expect("off", ffc.StateOK, 4)
	})
}

// A report without a value replaces an earlier one that has not been used.
func TestReportWithoutValueIsRead(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		b := &reporting{Memory: m}
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		r := newReader(t, func(tr *fleet.Transport) { tr.Watch, tr.Spread, tr.Interval = true, 20*time.Second, time.Hour }, b)
		defer r.close()
		time.Sleep(time.Minute)
		write(t, m, headOf("a", 2, 2, nil), data("on", 2), 0)
		b.none.Store(true)
		write(t, m, headOf("a", 3, 3, nil), data("off", 3), 0) // before the first report is used
		time.Sleep(20 * time.Second)
		synctest.Wait()
		r.expect("off", ffc.StateOK, 3)
	})
}

func TestWatchingAgainAfterTheEngineRestarts(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		r := newReader(t, func(tr *fleet.Transport) { tr.Watch, tr.Interval = true, time.Hour }, m)
		defer r.close()
		time.Sleep(2 * time.Second)
		m.Before(down(errDown))
		m.DropWatchers()
		time.Sleep(time.Minute)
		m.Before(nil)
		write(t, m, headOf("a", 2, 2, nil), data("off", 2), 0) // no one watches
		time.Sleep(5*time.Second + time.Second)
		synctest.Wait()
		r.expect("off", ffc.StateOK, 2)
		write(t, m, headOf("a", 3, 3, nil), data("on", 3), 0)
		time.Sleep(time.Second)
		synctest.Wait()
		r.expect("on", ffc.StateOK, 3)
		if n := r.logged("watching the engine failed"); n != 1 {
			t.Errorf("%d warnings, want 1", n)
		}
	})
}

// A report that is lost costs an Interval, of 30 s by default.
func TestLostReportsAreMadeUpFor(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		r := newReader(t, func(tr *fleet.Transport) { tr.Watch = true }, m)
		defer r.close()
		time.Sleep(5 * time.Second) // until the read with which watching begins
		m.Mute(true)
		write(t, m, headOf("a", 2, 2, nil), data("off", 2), 0)
		time.Sleep(31 * time.Second)
		synctest.Wait()
		r.expect("off", ffc.StateOK, 2)
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	m := []fleet.Backend{new(fleettest.Memory)}
	tests := map[string]struct {
		transport fleet.Transport
		words     string
	}{
		"no backends":      {fleet.Transport{Environment: environment}, "Transport.Backends: missing"},
		"a nil backend":    {fleet.Transport{Environment: environment, Backends: []fleet.Backend{nil}}, "Backends[0]"},
		"a nil pointer":    {fleet.Transport{Environment: environment, Backends: []fleet.Backend{(*fleettest.Memory)(nil)}}, "Backends[0]"},
		"a nil part":       {fleet.Transport{Environment: environment, Backends: []fleet.Backend{fleet.Split{Heads: m[0]}}}, "Backends[0]"},
		"a bad URL":        {fleet.Transport{Environment: environment, Backends: []fleet.Backend{fleet.HTTP{URL: "host/path"}}}, "HTTP.URL"},
		"negative MaxAge":  {fleet.Transport{Environment: environment, Backends: m, MaxAge: -1}, "MaxAge"},
		"no unit":          {fleet.Transport{Environment: environment, Backends: m, Interval: 30}, "Interval"},
		"negative Timeout": {fleet.Transport{Environment: environment, Backends: m, Timeout: -1}, "Timeout"},
		"negative stale":   {fleet.Transport{Environment: environment, Backends: m, StaleAfter: -1}, "StaleAfter"},
		"retries":          {fleet.Transport{Environment: environment, Backends: m, FirstRetry: time.Hour}, "FirstRetry"},
		"Spread alone":     {fleet.Transport{Environment: environment, Backends: m, Spread: time.Second}, "without Watch"},
		"Watch alone":      {fleet.Transport{Environment: environment, Backends: []fleet.Backend{fleet.HTTP{URL: "http://host"}}, Watch: true}, "no Backend is a Watcher"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ffc.New(t.Context(), ffc.Config{EnvSecret: featBitSecret, BaseURL: "http://127.0.0.1:1", Transport: &test.transport})
			if err == nil || !strings.Contains(err.Error(), test.words) {
				t.Errorf("error %v, want one with %q", err, test.words)
			}
		})
	}
}

// panicking is a backend that panics while it is broken.
type panicking struct {
	*fleettest.Memory
	inGet, inBody, inWatch atomic.Bool
}

func (p *panicking) Get(ctx context.Context, name string) ([]byte, string, error) {
	if p.inGet.Load() || p.inBody.Load() && fleetdata.IsBody(name) {
		panic("s3cret")
	}
	return p.Memory.Get(ctx, name)
}

func (p *panicking) Watch(ctx context.Context, name string, changed func()) error {
	if p.inWatch.Load() {
		panic("s3cret")
	}
	return p.Memory.Watch(ctx, name, changed)
}

// A backend that panics is like an engine that fails: the client serves what it
// has, and reads again.
func TestBackendsThatPanic(t *testing.T) {
	t.Parallel()
	modes := map[string]func(*fleet.Transport){
		"on demand":         nil,
		"in the background": func(tr *fleet.Transport) { tr.Interval = time.Second },
		"watching":          func(tr *fleet.Transport) { tr.Watch, tr.Interval = true, time.Second },
	}
	for name, configure := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, m *fleettest.Memory) {
				write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
				b := &panicking{Memory: m}
				b.inWatch.Store(true)
				r := newReader(t, configure, b)
				defer r.close()
				for i, part := range []*atomic.Bool{&b.inGet, &b.inBody} {
					part.Store(true)
					write(t, m, headOf("a", int64(i+2), int64(i+2), nil), data([]string{"off", "on"}[i], i+2), 0)
					_ = r.refresh(3 * time.Second)
					synctest.Wait()
					r.expect([]string{"on", "off"}[i], ffc.StateInterrupted, int64(i+1))
					if text := r.Status().Err.Error(); !strings.Contains(text, "panicked with a string") || strings.Contains(text, "s3cret") {
						t.Errorf("the error is %q", text)
					}
					part.Store(false)
					_ = r.refresh(time.Minute)
					synctest.Wait()
					r.expect([]string{"off", "on"}[i], ffc.StateOK, int64(i+2))
				}
			})
		})
	}
}

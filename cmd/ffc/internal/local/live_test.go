package local

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// page reads server-sent events.
type page struct {
	t     *testing.T
	lines *bufio.Reader
}

func (w *world) open() *page {
	w.t.Helper()
	req, err := http.NewRequestWithContext(testkit.Within(w.t), "GET", w.url+"/local/live", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	transport := &http.Transport{}
	w.t.Cleanup(transport.CloseIdleConnections)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = resp.Body.Close() })
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != "text/event-stream" {
		w.t.Fatalf("got %d %s", resp.StatusCode, kind)
	}
	return &page{w.t, bufio.NewReader(resp.Body)}
}

// next reads until there is an event of this name, and decodes it.
func (p *page) next(event string, into any) {
	p.t.Helper()
	name := ""
	for {
		line, err := p.lines.ReadString('\n')
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", event, err)
		}
		line = strings.TrimSuffix(line, "\n")
		if value, ok := strings.CutPrefix(line, "event: "); ok {
			name = value
		}
		if value, ok := strings.CutPrefix(line, "data: "); ok && name == event {
			if err := json.Unmarshal([]byte(value), into); err != nil {
				p.t.Fatal(err)
			}
			return
		}
	}
}

func TestLive(t *testing.T) {
	t.Parallel()
	platforms.EachParallel(t, func(t *testing.T, platform ffctest.Platform) {
		w := start(t, twoFlags, Config{Platform: platform.String()})
		p := w.open()
		var state stateView
		if p.next("state", &state); len(state.Flags) != 2 || len(state.Clients) != 0 || state.URL != w.url || state.Platform != platform.String() {
			t.Errorf("got %+v", state)
		}
		streaming := w.client(&stream.Transport{})
		for len(state.Clients) != 1 {
			p.next("state", &state)
		}
		if c := state.Clients[0]; c.Kind != "streaming" || c.UserAgent == "" || c.Since == 0 || !strings.HasPrefix(c.Address, "127.0.0.1:") {
			t.Errorf("got client %+v", c)
		}
		w.client(&poll.Transport{})
		for len(state.Clients) != 2 {
			p.next("state", &state)
		}
		if c := state.Clients[1]; c.Kind != "polling" || c.Address != "127.0.0.1" || c.Seen == 0 {
			t.Errorf("got client %+v", c)
		}

		ctx := testkit.Within(t)
		for i := range 3 {
			streaming.Variation(ctx, "a", ffc.NewUser(fmt.Sprint("u", i)), "")
		}
		streaming.BoolVariation(ctx, "b", ffc.NewUser("u1"), false)
		if err := streaming.TrackMetric(ctx, ffc.NewUser("u1"), "purchase", 9.5); err != nil {
			t.Fatal(err)
		}
		if err := streaming.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		var events []eventView
		for len(events) < 5 {
			var batch []eventView
			p.next("events", &batch)
			events = append(events, batch...)
		}
		users := map[string]int{}
		for _, e := range events {
			users[e.User]++
			if e.Metric == "purchase" && (e.MetricValue != 9.5 || e.Flag != "") || e.Flag == "a" && (e.Value != "red" || e.Variation != "1") {
				t.Errorf("got %+v", e)
			}
		}
		if users["u0"] != 1 || users["u1"] != 3 || users["u2"] != 1 {
			t.Errorf("got events of %v", users)
		}
		var counts countsView
		p.next("counts", &counts)
		if counts.Flags["a"]["1"] != 3 || counts.Flags["b"]["1"] != 1 || counts.Evaluations != 4 || counts.Metrics != 1 {
			t.Errorf("got %+v", counts)
		}
		w.change("a", `{"on":false}`)
		for state.Flags[0].On {
			p.next("state", &state)
		}
		if got := state.Flags[0].Counts["1"]; got != 3 {
			t.Errorf("the state counts %d", got)
		}
		_ = streaming.Close(ctx)
		for len(state.Clients) != 1 {
			p.next("state", &state)
		}
	})
}

// TestSlowPage: a page that does not read delays neither events nor other
// pages, and what waits for it does not grow.
func TestSlowPage(t *testing.T) {
	w := start(t, twoFlags, Config{})
	w.p.live.writeTimeout = 500 * time.Millisecond
	addr := strings.TrimPrefix(w.url, "http://")
	for range 3 {
		conn, err := (&net.Dialer{}).DialContext(testkit.Within(t), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.(*net.TCPConn).SetReadBuffer(1 << 10)
		if _, err := io.WriteString(conn, "GET /local/live HTTP/1.1\r\nHost: "+addr+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	good := w.open()
	pages := func() int {
		w.p.live.mu.Lock()
		defer w.p.live.mu.Unlock()
		return len(w.p.live.listeners)
	}
	testkit.Eventually(t, "all pages", func() bool { return pages() == 4 })
	heap := func() uint64 {
		least := uint64(math.MaxUint64) // of several, as pages are written meanwhile
		for range 5 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			least = min(least, m.HeapAlloc)
		}
		return least
	}
	before := heap()
	const rounds, batch = 2000, 100
	long := strings.Repeat("x", 10_000)
	flood := func(rounds int) {
		for range rounds {
			events := make([]ffctest.Event, batch)
			for i := range events {
				events[i] = ffctest.Event{UserKey: long, FlagKey: "a", VariationID: "1", Value: long}
			}
			w.p.live.record(events)
		}
	}
	flood(rounds)
	if after := heap(); after > before+8<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	var counts countsView
	for counts.Evaluations != rounds*batch {
		good.next("counts", &counts)
	}
	if got := counts.Flags["a"]["1"]; got != rounds*batch {
		t.Errorf("got %d", got)
	}
	t.Parallel() // not before: the heap would count what other tests allocate
	// Pages that read stay connected; the others are disconnected after the timeout.
	testkit.Eventually(t, "one page", func() bool {
		flood(10)
		good.next("counts", &counts)
		return pages() == 1
	})
}

func TestTooManyPages(t *testing.T) {
	t.Parallel()
	w := start(t, twoFlags, Config{})
	for range maxListeners {
		w.open()
	}
	if status, _ := w.call("GET", "/local/live", "", nil); status != http.StatusServiceUnavailable {
		t.Errorf("got %d", status)
	}
}

// TestKnownEventsOnly: clients may send what they like, and are counted in
// whole, but no memory is spent on it.
func TestKnownEventsOnly(t *testing.T) {
	t.Parallel()
	w := start(t, twoFlags, Config{})
	for i := range 1000 {
		w.p.live.record([]ffctest.Event{
			{FlagKey: fmt.Sprint("flag", i), VariationID: "1"},
			{FlagKey: "a", VariationID: fmt.Sprint("variation", i)},
		})
	}
	counts, totals := w.p.live.counts()
	if len(counts) != 0 || totals.Evaluations != 2000 {
		t.Errorf("got %v, %v", counts, totals)
	}
}

// TestEndLeavesNothing must not run beside other tests: it counts goroutines.
func TestEndLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("all", func(t *testing.T) {
		w := start(t, twoFlags, Config{})
		w.client(&stream.Transport{})
		w.client(&poll.Transport{Interval: time.Second})
		w.open().next("state", new(stateView))
		if status, answer := w.call("POST", "/local/evaluate", `{"flag":"a","user":{"key":"u"}}`, nil); status != 200 {
			t.Errorf("got %d %s", status, answer)
		}
		begun := time.Now()
		w.end()
		if took := time.Since(begun); took > time.Second {
			t.Errorf("the end took %v", took)
		}
		if _, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", strings.TrimPrefix(w.url, "http://")); err == nil {
			t.Error("somebody still listens")
		}
	})
	testkit.GoroutinesEnd(t, before)
}

package relay_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// TestLateChange: a change that arrives after a newer change of another flag reaches
// clients that were away meanwhile.
func TestLateChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		flag := func(key string, version int64, off string) ffctest.Item {
			return ffctest.Flag(key).Variations("a", "b", "c").OffVariation(off).Version(version)
		}
		d, source := drive(t, ffctest.Snapshot(flag("one", 10, "a"), flag("two", 11, "a")))
		defer d.close()
		sdk := new(original)
		sdk.connect(d)
		sdk.take()
		source.set(t, ffctest.Snapshot(flag("one", 30, "b"), flag("two", 11, "a")))
		sdk.take()
		away := &original{version: sdk.version, flags: map[string]string{"one": "b Enabled", "two": "a Enabled"}}
		// Later arrive an earlier change and a new flag that was made earlier.
		source.set(t, ffctest.Snapshot(flag("one", 30, "b"), flag("two", 20, "b"), flag("three", 25, "c")))
		sdk.take()
		sdk.take()
		sdk.has("one", "b Enabled", "two", "b Enabled", "three", "c Enabled")
		away.connect(d)
		away.take()
		away.has("one", "b Enabled", "two", "b Enabled", "three", "c Enabled")
	})
}

// TestManyLargeChanges: a change of many large flags at once cuts no client that reads.
func TestManyLargeChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := func(version int64) []byte {
			var items []ffctest.Item
			for i := range int64(150) {
				key := strings.Repeat("k", 10) + string(rune('A'+i/26)) + string(rune('a'+i%26))
				items = append(items, ffctest.Flag(key).Variations("a", strings.Repeat("x", 10_000)).Version(version+i))
			}
			return ffctest.Snapshot(items...)
		}
		d, source := drive(t, data(1000))
		defer d.close()
		sdk := new(original)
		sdk.connect(d)
		sdk.take()
		source.set(t, data(2000))
		for range 150 {
			sdk.take()
		}
		if sdk.version != 2149 {
			t.Errorf("the SDK has version %d, want 2149", sdk.version)
		}
	})
}

// TestLargeDataOnASlowLink: a client whose link takes longer than 10 s for large data
// gets it.
func TestLargeDataOnASlowLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var items []ffctest.Item
		for i := range 160 {
			items = append(items, ffctest.Flag("flag"+strconv.Itoa(i)).Variations("a", strings.Repeat("x", 100_000)))
		}
		d, _ := drive(t, ffctest.Snapshot(items...))
		defer d.close()
		c := new(original)
		c.connect(d)
		_, body, err := c.ws.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		size := int64(0)
		for err == nil {
			var n int64
			n, err = io.CopyN(io.Discard, body, 1<<20)
			size += n
			time.Sleep(time.Second)
		}
		if err != io.EOF || size < 16_000_000 {
			t.Errorf("got %d bytes, %v", size, err)
		}
	})
}

// TestAgeOfReplacedClient: while the client of an environment is replaced by one that
// has no data yet, the data that is still served has its true age.
func TestAgeOfReplacedClient(t *testing.T) {
	t.Parallel()
	var now atomic.Pointer[ffc.Client]
	withDesk(t, func(h *relay.Handler) {
		reader := h.Reader
		h.Reader = func(e string) (*ffc.Client, bool) {
			if client := now.Load(); client != nil {
				return client, true
			}
			return reader(e)
		}
	}, func(d *desk, _ *featBit, m *fleettest.Memory) {
		if resp := d.poll(); resp.StatusCode != http.StatusOK || resp.Header.Get("Ffc-As-Of") == "" {
			d.Fatalf("got %d, %v", resp.StatusCode, resp.Header)
		}
		empty, err := ffc.New(d.Context(), ffc.Config{
			Platform: ffc.PlatformFeatBit, StartWait: -1, Events: flush.Config{Disabled: true}, Logger: testkit.Quiet(),
			Transport: &fleet.Transport{Environment: environment, Backends: []fleet.Backend{new(fleettest.Memory)}, MaxAge: time.Millisecond},
		})
		if err != nil {
			d.Fatal(err)
		}
		defer empty.Close(context.WithoutCancel(d.Context()))
		now.Store(empty)
		wait(10 * time.Minute)
		resp := d.poll()
		asOf, err := time.Parse(time.RFC3339, resp.Header.Get("Ffc-As-Of"))
		if resp.StatusCode != http.StatusOK || err != nil || time.Since(asOf) < 9*time.Minute || resp.Header.Get("Age") < "540" {
			d.Errorf("got %d, %v, want data that is 10 min old", resp.StatusCode, resp.Header)
		}
	})
}

// poll sends a polling request with the key of the desk.
func (d *desk) poll(header ...string) *http.Response {
	d.Helper()
	req, err := http.NewRequestWithContext(d.Context(), http.MethodGet, "http://relay.test/api/public/sdk/server/latest-all", nil)
	if err != nil {
		d.Fatal(err)
	}
	req.Header.Set("Authorization", d.key)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := d.http.Do(req)
	if err != nil {
		d.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

// TestPanicsOfTheApplication: functions of the application that panic end no process,
// cut no websocket and stop no other request.
func TestPanicsOfTheApplication(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	withDesk(t, func(h *relay.Handler) {
		reader, keys := h.Reader, h.Keys
		h.Reader = func(e string) (*ffc.Client, bool) {
			if broken.Load() {
				panic("no reader")
			}
			return reader(e)
		}
		h.Keys = func(key string) (string, bool) {
			if broken.Load() {
				panic("no keys")
			}
			return keys(key)
		}
		h.Engine = func(string) (fleet.Backend, bool) { return panicking{}, true }
	}, func(d *desk, p *featBit, _ *fleettest.Memory) {
		c := d.dial(d.key, "")
		c.sync(0)
		c.expect("full", "flag")
		broken.Store(true)
		wait(time.Minute) // twelve sweeps
		broken.Store(false)
		p.Set("flag", false)
		c.expect("patch", "flag")
		req, err := http.NewRequestWithContext(d.Context(), http.MethodGet, "http://relay.test/fleet/"+environment+"/head", nil)
		if err != nil {
			d.Fatal(err)
		}
		req.Header.Set("Authorization", d.key)
		resp, err := d.http.Do(req)
		if err != nil {
			d.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			d.Errorf("an engine that panics: got %d, want 503", resp.StatusCode)
		}
	})
}

// panicking is an engine that panics.
type panicking struct{ fleet.Backend }

// Get implements fleet.Backend.
func (panicking) Get(context.Context, string) ([]byte, string, error) { panic("no engine") }

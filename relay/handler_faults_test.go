package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
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

// TestArchivedWhileAway: a client that was away while several flags were archived, or
// have vanished, loses them.
func TestArchivedWhileAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		flag := func(key string, version int64) ffctest.Item {
			return ffctest.Flag(key).Variations("a", "b").Version(version)
		}
		d, source := drive(t, ffctest.Snapshot(flag("one", 10), flag("two", 11), flag("three", 12)))
		defer d.close()
		sdk := new(original)
		sdk.connect(d)
		sdk.take()
		source.set(t, ffctest.Snapshot(flag("one", 10)))
		synctest.Wait()
		away := &original{version: sdk.version, flags: maps.Clone(sdk.flags)}
		away.connect(d)
		away.take()
		away.has("one", "b Enabled")
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
		if resp.StatusCode != http.StatusOK || err != nil || time.Since(asOf) < 9*time.Minute || time.Since(asOf) > 11*time.Minute || resp.Header.Get("Age") < "540" {
			d.Errorf("got %d, %v, want data that is 10 min old", resp.StatusCode, resp.Header)
		}
	})
}

// TestReplacedClientIsServed: the data of a client that replaces the one of an
// environment is served, although both have got data as often.
func TestReplacedClientIsServed(t *testing.T) {
	t.Parallel()
	var now atomic.Pointer[ffc.Client]
	withDesk(t, func(h *relay.Handler) {
		h.Reader = func(string) (*ffc.Client, bool) { return now.Load(), true }
	}, func(d *desk, p *featBit, m *fleettest.Memory) {
		before := new(fleettest.Memory)
		if err := fleetkit.Copy(d.Context(), before, m); err != nil {
			d.Fatal(err)
		}
		first := reader(d, before)
		defer first.Close(context.WithoutCancel(d.Context()))
		now.Store(first)
		d.newer(0).is(d.T, "full", "flag")
		p.Set("other", true)
		wait(6 * time.Second)
		second := reader(d, m)
		defer second.Close(context.WithoutCancel(d.Context()))
		if a, b := first.Stats().Updates, second.Stats().Updates; a != b {
			d.Fatalf("the clients have got data %d and %d times", a, b)
		}
		now.Store(second)
		wait(10 * time.Second)
		d.newer(0).is(d.T, "full", "flag", "other")
	})
}

// TestEndedEnvironment: websockets of an environment that is not served any more are
// closed so that SDKs try again, and the relay stops watching the environment.
func TestEndedEnvironment(t *testing.T) {
	t.Parallel()
	for name, without := range map[string]bool{"unknown": false, "without client": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ended atomic.Bool
			var calls atomic.Int64
			withDesk(t, func(h *relay.Handler) {
				reader := h.Reader
				h.Reader = func(e string) (*ffc.Client, bool) {
					calls.Add(1)
					client, ok := reader(e)
					if !ended.Load() {
						return client, ok
					}
					if without {
						return nil, true
					}
					return client, false
				}
			}, func(d *desk, _ *featBit, _ *fleettest.Memory) {
				c := d.dial(d.key, "")
				c.sync(0)
				c.expect("full", "flag")
				ended.Store(true)
				c.ends(websocket.StatusGoingAway)
				before := calls.Load()
				wait(time.Minute)
				if n := calls.Load() - before; n != 0 {
					d.Errorf("the relay looked %d more times for the environment", n)
				}
			})
		})
	}
}

// poll sends a polling request.
func (d *desk) poll(header ...string) *http.Response {
	d.Helper()
	resp, _ := d.get(pollRoute, header...)
	return resp
}

// pollSince is what a client of a version polls.
func pollSince(version int64) string {
	return pollRoute + "?timestamp=" + strconv.FormatInt(version, 10)
}

// newer returns what a client of FeatBit that polls gets for its version; the zero message
// if there is nothing newer.
func (d *desk) newer(version int64) (m message) {
	d.Helper()
	resp, body := d.get(pollSince(version))
	if resp.StatusCode != http.StatusOK {
		d.Fatalf("got %d", resp.StatusCode)
	}
	if body != "" {
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			d.Fatalf("%v in %s", err, body)
		}
	}
	return m
}

// is checks the kind of a message and its flags, of which archived ones have a minus.
func (m message) is(t *testing.T, kind string, flags ...string) {
	t.Helper()
	var got []string
	for _, f := range m.Data.Flags {
		sign := ""
		if f.Archived {
			sign = "-"
		}
		got = append(got, sign+f.Key)
	}
	slices.Sort(got)
	if m.Data.EventType != kind || !slices.Equal(got, flags) {
		t.Errorf("got a %s of %q, want a %s of %q", m.Data.EventType, got, kind, flags)
	}
}

func flagAt(key string, version int64) ffctest.Item { return ffctest.Flag(key).Version(version) }

// featBitData is data of FeatBit. Flags whose key begins with "archived" are archived.
func featBitData(t *testing.T, items ...ffctest.Item) []byte {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(ffctest.FeatBit.Snapshot(items...), &m); err != nil {
		t.Fatal(err)
	}
	for _, f := range m["data"].(map[string]any)["featureFlags"].([]any) {
		flag := f.(map[string]any)
		flag["isArchived"] = strings.HasPrefix(flag["key"].(string), "archived")
	}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestPollsSince: a client that polls gets what has changed since its version, archived
// and missing flags included, and all data if the relay does not know the version.
func TestPollsSince(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, source := driveFeatBit(t, featBitData(t, flagAt("archived", 10), flagAt("b", 12), flagAt("c", 14)))
		defer d.close()
		d.newer(0).is(t, "full", "-archived", "b", "c")
		d.newer(14).is(t, "")
		source.set(t, featBitData(t, flagAt("archived", 20), flagAt("c", 14), flagAt("d", 22)))
		synctest.Wait()
		first := d.newer(14)
		first.is(t, "patch", "-archived", "-b", "d")
		newest := int64(0)
		for _, f := range first.Data.Flags {
			newest = max(newest, f.UpdatedAt.UnixMilli())
		}
		d.newer(newest).is(t, "")
		d.newer(22).is(t, "patch", "-b")
		for _, unknown := range []int64{1, 10, 13, 15, 21} { // of other servers, or from before
			d.newer(unknown).is(t, "full", "-archived", "-b", "c", "d")
		}
	})
}

// countedEngine counts reads.
type countedEngine struct {
	fleet.Backend
	reads atomic.Int64
}

// Get implements fleet.Backend.
func (e *countedEngine) Get(ctx context.Context, name string) ([]byte, string, error) {
	e.reads.Add(1)
	return e.Backend.Get(ctx, name)
}

// withIdleDesk calls f with a relay that reads its engine only when a client makes it.
func withIdleDesk(t *testing.T, f func(d *desk, p *featBit, m *fleettest.Memory, engine *countedEngine)) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		publisher := start(p.publisher(m))
		defer publisher.stop()
		wait(time.Minute)
		engine := &countedEngine{Backend: m}
		d := open(t, engine, func(h *relay.Handler) { h.Interval = 24 * time.Hour })
		defer d.close()
		f(d, p, m, engine)
	})
}

// TestPollsOfNewerClients: a poll with an entity tag that the relay does not know, or with
// a version above its own, makes the relay read the engine. Other polls do not.
func TestPollsOfNewerClients(t *testing.T) {
	t.Parallel()
	withIdleDesk(t, func(d *desk, p *featBit, m *fleettest.Memory, engine *countedEngine) {
		// get polls, checks the status and whether the engine was read, and returns the
		// entity tag and the flag.
		get := func(name, query, tag string, status int, reads bool) (etag string, on bool) {
			d.Helper()
			wait(time.Second) // longer than the MaxAge of the relay's client
			engine.reads.Store(0)
			var header []string
			if tag != "" {
				header = []string{"If-None-Match", tag}
			}
			resp, body := d.get(pollRoute+query, header...)
			if n := engine.reads.Load(); resp.StatusCode != status || n > 0 != reads {
				d.Errorf("%s: got %d after %d reads of the engine", name, resp.StatusCode, n)
			}
			if (resp.Header.Get("Retry-After") != "") != (status == http.StatusServiceUnavailable) {
				d.Errorf("%s: %d with the headers %v", name, status, resp.Header)
			}
			return resp.Header.Get("Etag"), strings.Contains(body, `"isEnabled":true`)
		}
		change := func(on bool) (version int64) {
			p.Set("flag", on)
			wait(5 * time.Second)
			return time.Now().Add(-5 * time.Second).UnixMilli()
		}
		first, _ := get("no condition", "", "", 200, false)
		change(false)
		get("data that the relay has", "", first, 304, false)
		second, on := get("data of another relay", "", `"of another relay"`, 200, true)
		if on || second == first {
			d.Errorf("a client with other data got the flag %v with the entity tag %s", on, second)
		}
		get("earlier data of this relay", "", first, 200, false)
		version := change(true)
		timestamp := "?timestamp=" + strconv.FormatInt(version, 10)
		get("a newer version, and data that the relay has", timestamp, second, 304, false)
		if _, on := get("a version of another relay", "?timestamp="+strconv.FormatInt(version-1, 10), "", 200, true); !on {
			d.Error("a client with the version of another relay got nothing newer")
		}
		get("the version of the relay", timestamp, "", 200, false)
		get("a version that there is not yet", "?timestamp="+strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10), "", 503, true)
		get("a version of tomorrow", "?timestamp="+strconv.FormatInt(time.Now().Add(24*time.Hour).UnixMilli(), 10), "", 503, false)
		m.Before(func(_ context.Context, call fleettest.Call) error {
			if call.Op == "Get" {
				return fleetkit.ErrDown
			}
			return nil
		})
		get("a version above that of the relay while the engine is down", "?timestamp="+strconv.FormatInt(version+1, 10), "", 503, true)
	})
}

// TestNewerClientsShareReads: however many clients have newer data than the relay, they
// make it read the engine a few times.
func TestNewerClientsShareReads(t *testing.T) {
	t.Parallel()
	withIdleDesk(t, func(d *desk, p *featBit, m *fleettest.Memory, engine *countedEngine) {
		d.get(pollRoute)
		wait(time.Second) // longer than the MaxAge of the relay's client
		m.Before(func(ctx context.Context, _ fleettest.Call) error {
			select {
			case <-time.After(100 * time.Millisecond):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		engine.reads.Store(0)
		ahead := pollRoute + "?timestamp=" + strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10)
		var clients sync.WaitGroup
		for range 50 {
			clients.Go(func() {
				if resp, _ := d.get(ahead); resp.StatusCode != http.StatusServiceUnavailable {
					d.Errorf("got %d", resp.StatusCode)
				}
			})
		}
		clients.Wait()
		if n := engine.reads.Load(); n == 0 || n > 8 {
			d.Errorf("50 clients made the relay read %d times", n)
		}
	})
}

// TestPollsOfUnnamedEnvironments: an environment whose name is of no platform is served to
// the SDKs of the platform that its data is of.
func TestPollsOfUnnamedEnvironments(t *testing.T) {
	t.Parallel()
	withDesk(t, func(h *relay.Handler) {
		reader := h.Reader
		h.Reader = func(string) (*ffc.Client, bool) { return reader(environment) }
		h.Keys = func(string) (string, bool) { return "shop", true }
	}, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		for path, want := range map[string]int{pollRoute: 200, "/api/public/sdk/latest-feature-flags?envSecret=x": 503} {
			if resp, _ := d.get(path); resp.StatusCode != want {
				d.Errorf("%s: got %d, want %d", path, resp.StatusCode, want)
			}
		}
	})
}

// TestReportedLag: each kind of request can say which revision a reader has.
func TestReportedLag(t *testing.T) {
	t.Parallel()
	for kind, report := range map[string]func(*desk, http.Header){
		"poll":   func(d *desk, h http.Header) { d.poll("Ffc-Revision", h.Get("Ffc-Revision")) },
		"events": func(d *desk, h http.Header) { d.post(d.key, "[]", "Ffc-Revision", h.Get("Ffc-Revision")) },
		"websocket": func(d *desk, h http.Header) {
			ws, _, err := websocket.Dial(d.Context(), featbit.Protocol().StreamURL("ws://relay.test", d.key, time.Now()), &websocket.DialOptions{HTTPClient: d.http, HTTPHeader: h})
			if err != nil {
				d.Fatal(err)
			}
			_ = ws.CloseNow()
		},
	} {
		t.Run(kind, func(t *testing.T) {
			withDesk(t, func(h *relay.Handler) { h.Events = new(shelf) }, func(d *desk, _ *featBit, _ *fleettest.Memory) {
				d.poll()
				source := d.client.Status().Source
				report(d, http.Header{"Ffc-Revision": {source.Lineage + "/" + strconv.FormatInt(source.Revision-5000, 10)}})
				if lag := d.handler.Stats().Lag[environment]; lag != 5*time.Second {
					d.Errorf("the lag is %v, want 5 s", lag)
				}
			})
		})
	}
}

// TestRemovedItemsAreForgotten: a relay remembers removed flags as long as there are not
// more of them than others, or 1000. Then clients from before get all data.
func TestRemovedItemsAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := func(keep int64, live, archived int) []byte {
			items := []ffctest.Item{flagAt("keep", keep)}
			for i := range live {
				items = append(items, flagAt("live"+strconv.Itoa(i), 21))
			}
			for i := range archived {
				items = append(items, flagAt("archived"+strconv.Itoa(i), 20))
			}
			return featBitData(t, items...)
		}
		d, source := driveFeatBit(t, data(10, 600, 600))
		defer d.close()
		if got := len(d.newer(0).Data.Flags); got != 1201 {
			t.Fatalf("got %d flags", got)
		}
		source.set(t, data(30, 0, 600))
		synctest.Wait()
		if got := d.newer(21); got.Data.EventType != "patch" || len(got.Data.Flags) != 601 {
			t.Errorf("got a %s of %d flags, want 600 that were removed and one that has changed", got.Data.EventType, len(got.Data.Flags))
		}
		source.set(t, data(30, 0, 0)) // which changes nothing for clients
		synctest.Wait()
		for _, before := range []int64{10, 21, 30} {
			d.newer(before).is(t, "full", "keep")
		}
		d.newer(0).is(t, "full", "keep")
		if got := d.newer(0).version(t); got != 30 {
			t.Errorf("the flag that did not change has the version %d, want 30", got)
		}
		if resp := d.poll("If-None-Match", d.poll().Header.Get("Etag")); resp.StatusCode != http.StatusNotModified {
			t.Errorf("the entity tag got %d, want 304", resp.StatusCode)
		}
		source.set(t, data(30, 900, 0))
		synctest.Wait()
		source.set(t, data(30, 0, 0))
		synctest.Wait()
		if got := len(d.newer(0).Data.Flags); got != 901 {
			t.Errorf("got %d flags, want those that were removed as well", got)
		}
	})
}

// TestAcceptEncoding: only clients that accept gzip get it.
func TestAcceptEncoding(t *testing.T) {
	t.Parallel()
	withDesk(t, nil, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		d.http.Transport.(*http.Transport).DisableCompression = true
		for accepts, want := range map[string]string{
			"gzip": "gzip", "br, GZIP;q=0.5": "gzip", "*": "gzip", "identity": "", "gzip;q=0": "", "*, gzip;q=0": "", "gzip;q=0, *": "", "*;q=0": "", "gzip;q=x": "",
		} {
			if got := d.poll("Accept-Encoding", accepts).Header.Get("Content-Encoding"); got != want {
				d.Errorf("a client that accepts %q got %q, want %q", accepts, got, want)
			}
		}
	})
}

// TestPanicsOfTheApplication: functions of the application that panic end no process,
// cut no websocket and stop no other request.
func TestPanicsOfTheApplication(t *testing.T) {
	t.Parallel()
	var noReader, noKeys atomic.Bool
	withDesk(t, func(h *relay.Handler) {
		reader, keys := h.Reader, h.Keys
		h.Reader = func(e string) (*ffc.Client, bool) {
			if noReader.Load() {
				panic("no reader")
			}
			return reader(e)
		}
		h.Keys = func(key string) (string, bool) {
			if noKeys.Load() {
				panic("no keys")
			}
			return keys(key)
		}
		h.Engine = func(string) (fleet.Backend, bool) { return panicking{}, true }
	}, func(d *desk, p *featBit, _ *fleettest.Memory) {
		c := d.dial(d.key, "")
		c.sync(0)
		c.expect("full", "flag")
		on := true
		for _, broken := range []*atomic.Bool{&noReader, &noKeys} {
			broken.Store(true)
			wait(time.Minute) // twelve sweeps
			broken.Store(false)
			on = !on
			p.Set("flag", on)
			c.expect("patch", "flag")
		}
		if resp, _ := d.get("/fleet/" + environment + "/head"); resp.StatusCode != http.StatusServiceUnavailable {
			d.Errorf("an engine that panics: got %d, want 503", resp.StatusCode)
		}
	})
}

// panicking is an engine that panics.
type panicking struct{ fleet.Backend }

// Get implements fleet.Backend.
func (panicking) Get(context.Context, string) ([]byte, string, error) { panic("no engine") }

// follower has the data of an SDK of FeatBit, with its rules: a full counts if it is
// newer than all, an item of a patch if it is newer than the same item.
type follower struct {
	desks   [2]*desk
	random  *rand.Rand
	seen    map[string]seen
	version int64
}

type seen struct {
	version      int64
	on, archived bool
}

func (f *follower) take(text []byte) {
	var m message
	t := f.desks[0].T
	if err := json.Unmarshal(text, &m); err != nil {
		t.Errorf("%v in %s", err, text)
		return
	}
	newest := int64(0)
	for _, flag := range m.Data.Flags {
		newest = max(newest, flag.UpdatedAt.UnixMilli())
	}
	switch {
	case m.Type != "data-sync":
		return
	case m.Data.EventType == "full" && f.seen != nil && newest <= f.version:
		return
	case m.Data.EventType == "full" || f.seen == nil:
		f.seen = make(map[string]seen)
	}
	for _, flag := range m.Data.Flags {
		if version := flag.UpdatedAt.UnixMilli(); version > f.seen[flag.Key].version {
			f.seen[flag.Key] = seen{version, flag.Enabled, flag.Archived}
		}
	}
	f.version = max(f.version, newest)
}

// poll requests what is newer from one of the relays.
func (f *follower) poll() {
	d := f.desks[f.random.IntN(2)]
	resp, body, err := d.try(d.Context(), http.MethodGet, pollSince(f.version), nil)
	switch {
	case err != nil:
		d.Error(err)
	case resp.StatusCode == http.StatusOK && body != "":
		f.take([]byte(body))
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable:
		d.Errorf("got %d", resp.StatusCode)
	}
}

// stream is connected to one of the relays for a time.
func (f *follower) stream(within time.Duration) {
	d := f.desks[f.random.IntN(2)]
	ctx, cancel := context.WithTimeout(d.Context(), within)
	defer cancel()
	address := featbit.Protocol().StreamURL("ws://relay.test", d.key, time.Now())
	ws, _, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: d.http})
	if err != nil {
		return
	}
	defer ws.CloseNow()
	err = ws.Write(ctx, websocket.MessageText, []byte(`{"messageType":"data-sync","data":{"timestamp":`+strconv.FormatInt(f.version, 10)+`}}`))
	for err == nil {
		var text []byte
		if _, text, err = ws.Read(ctx); err == nil {
			f.take(text)
		}
	}
}

// TestFollowersOfTwoRelays: whatever changes, is undone and pinned in which order,
// clients that poll and that stream, and that change between two relays, have the
// platform's data in the end.
func TestFollowersOfTwoRelays(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	if n, err := strconv.ParseUint(os.Getenv("FFC_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("seed %d", seed)
	withDesk(t, nil, func(d *desk, p *featBit, m *fleettest.Memory) {
		other := open(d.T, m, func(h *relay.Handler) { h.Interval = 7 * time.Second })
		defer other.close()
		other.key = d.key
		other.handler.Keys = d.handler.Keys
		random := rand.New(rand.NewPCG(seed, 0))
		ends := time.Now().Add(20 * time.Minute)
		var followers []*follower
		var following sync.WaitGroup
		for i := range 6 {
			f := &follower{desks: [2]*desk{d, other}, random: rand.New(rand.NewPCG(seed, uint64(i+1)))}
			followers = append(followers, f)
			following.Go(func() {
				for time.Now().Before(ends) {
					time.Sleep(time.Duration(f.random.IntN(5000)) * time.Millisecond)
					if i%2 == 0 {
						f.poll()
					} else {
						f.stream(time.Duration(f.random.IntN(60_000)) * time.Millisecond)
					}
				}
			})
		}
		e := &relay.Environment{Name: environment, Backend: m}
		keys := []string{"flag", "a", "b", "c"}
		on, archived := map[string]bool{"flag": true}, make(map[string]bool)
		for time.Now().Before(ends.Add(-3 * time.Minute)) {
			time.Sleep(time.Duration(random.IntN(8000)) * time.Millisecond)
			key := keys[random.IntN(len(keys))]
			pin := relay.Pin{Until: time.Now().Add(time.Duration(2+random.IntN(30)) * time.Second)}
			var err error
			switch random.IntN(8) {
			case 0:
				p.Archive(key)
				archived[key] = true
			case 1:
				var log []relay.Revision
				if log, err = e.Log(d.Context(), 10); err == nil && len(log) > 0 {
					_, err = e.Rollback(d.Context(), log[random.IntN(len(log))].Revision, pin)
				}
			case 2:
				_, _ = e.Override(d.Context(), key, []string{"true", "false"}[random.IntN(2)], pin) // the flag may be archived
			case 3:
				_, err = e.Unpin(d.Context())
			default:
				on[key] = random.IntN(2) == 0
				delete(archived, key)
				p.Set(key, on[key])
			}
			if err != nil && !errors.Is(err, relay.ErrNoRevision) {
				d.Error(err)
			}
		}
		following.Wait()
		for i, f := range followers {
			for key := range on {
				got := f.seen[key]
				if gone := got.version == 0 || got.archived; gone != archived[key] || !gone && got.on != on[key] {
					d.Errorf("follower %d has %s %+v, want on %v, archived %v", i, key, got, on[key], archived[key])
				}
			}
		}
	})
}

package relay_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	classicprotocol "github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// driven is a transport whose data the test sets. It works in the background.
type driven struct {
	store atomic.Pointer[transport.Store]
}

// Open implements transport.Transport.
func (d *driven) Open(env transport.Env) (transport.Session, error) {
	d.store.Store(&env.Store)
	return idleSession{}, nil
}

// set replaces the data, which the platform has confirmed now.
func (d *driven) set(t *testing.T, data []byte) {
	t.Helper()
	store := *d.store.Load()
	now := time.Now()
	if _, err := store.ApplyAsOf(data, store.Mark(), now); err != nil {
		t.Fatal(err)
	}
	store.ConfirmAsOf(now)
}

type idleSession struct{}

// Run implements transport.Runner.
func (idleSession) Run(ctx context.Context) { <-ctx.Done() }

// Stats implements transport.Session.
func (idleSession) Stats() transport.Stats { return transport.Stats{} }

// drive starts a relay of featureflag.co in a bubble, whose data the test sets. The
// caller must close it.
func drive(t *testing.T, data []byte) (*desk, *driven) {
	t.Helper()
	return driveOf(t, ffctest.EnvSecret, "FF__11__22__33", data)
}

// driveFeatBit is drive with FeatBit as the platform.
func driveFeatBit(t *testing.T, data []byte) (*desk, *driven) {
	t.Helper()
	return driveOf(t, secret, environment, data)
}

func driveOf(t *testing.T, key, environment string, data []byte) (*desk, *driven) {
	t.Helper()
	source := new(driven)
	client, err := ffc.New(t.Context(), ffc.Config{
		EnvSecret: key, BaseURL: "http://platform.test", Transport: source, StartWait: -1, Events: flush.Config{Disabled: true}, Logger: testkit.Quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	source.set(t, data)
	d := open(t, new(fleettest.Memory), func(h *relay.Handler) {
		h.Reader = func(string) (*ffc.Client, bool) { return client, true }
		h.Keys = func(text string) (string, bool) { return environment, text == key }
	})
	d.key = key
	d.closers = append(d.closers, func() { _ = client.Close(context.WithoutCancel(t.Context())) })
	return d, source
}

// original is the original Python SDK, with its rules for data: a full counts if it is
// newer than all it has, and only the first item of a patch that is newer than all.
type original struct {
	*dialed
	version int64
	flags   map[string]string // value when off, by key; not of archived flags
}

// connect opens a websocket and asks for what is newer than the SDK has.
func (o *original) connect(d *desk) {
	d.Helper()
	address := classicprotocol.Protocol().StreamURL("ws://relay.test", d.key, time.Now())
	ws, response, err := websocket.Dial(d.Context(), strings.TrimSuffix(address, "&version=2"), &websocket.DialOptions{HTTPClient: d.http})
	if err != nil {
		d.Fatal(err)
	}
	ws.SetReadLimit(-1)
	o.dialed = &dialed{d, ws, response}
	d.closers = append([]func(){func() { _ = ws.CloseNow() }}, d.closers...)
	o.sync(o.version)
}

// take reads a message and stores it as the SDK does.
func (o *original) take() {
	o.Helper()
	_, text, err := o.ws.Read(testkit.Timeout(o, time.Minute))
	if err != nil {
		o.Fatal(err)
	}
	var m struct {
		Data struct {
			EventType string           `json:"eventType"`
			Segments  []map[string]any `json:"segments"`
			Flags     []struct {
				Archived  bool  `json:"isArchived"`
				Timestamp int64 `json:"timestamp"`
				FF        struct {
					Key    string `json:"keyName"`
					Status string `json:"status"`
					Off    struct {
						Value string `json:"variationValue"`
					} `json:"variationOptionWhenDisabled"`
				} `json:"ff"`
			} `json:"featureFlags"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		o.Fatal(err)
	}
	if m.Data.Segments == nil {
		o.Fatalf("the SDK ignores a message without segments: %s", text)
	}
	newest := int64(0)
	for _, f := range m.Data.Flags {
		newest = max(newest, f.Timestamp)
	}
	if newest <= o.version {
		return
	}
	if m.Data.EventType == "full" || o.flags == nil {
		o.flags = make(map[string]string)
	}
	for i, f := range m.Data.Flags {
		if m.Data.EventType == "patch" && i > 0 {
			break
		}
		if f.Archived {
			delete(o.flags, f.FF.Key)
		} else {
			o.flags[f.FF.Key] = f.FF.Off.Value + " " + f.FF.Status
		}
	}
	o.version = newest
}

// has checks what the SDK has.
func (o *original) has(pairs ...string) {
	o.Helper()
	want := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		want[pairs[i]] = pairs[i+1]
	}
	if !maps.Equal(o.flags, want) {
		o.Errorf("the SDK has %v, want %v", o.flags, want)
	}
}

// TestOriginalSDK: the original Python SDK follows all changes: several at once, a
// flag that is archived or missing, and data that goes back; also after it was away.
func TestOriginalSDK(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		flag := func(key string, version int64, off string) ffctest.Item {
			return ffctest.Flag(key).Variations("a", "b", "c").OffVariation(off).Version(version)
		}
		d, source := drive(t, ffctest.Snapshot(flag("one", 10, "a"), flag("two", 11, "a"), flag("three", 12, "a")))
		defer d.close()
		sdk := new(original)
		sdk.connect(d)
		sdk.take()
		sdk.has("one", "a Enabled", "two", "a Enabled", "three", "a Enabled")

		source.set(t, ffctest.Snapshot(flag("one", 21, "b"), flag("two", 20, "b"), flag("three", 12, "a")))
		sdk.take()
		sdk.take()
		sdk.has("one", "b Enabled", "two", "b Enabled", "three", "a Enabled")

		source.set(t, ffctest.Snapshot(flag("one", 10, "a"), flag("two", 20, "b"))) // one goes back, three is missing
		sdk.take()
		sdk.take()
		sdk.has("one", "a Enabled", "two", "b Enabled")

		away := &original{version: sdk.version, flags: maps.Clone(sdk.flags)}
		source.set(t, ffctest.Snapshot(flag("one", 30, "c"), flag("two", 31, "c"), flag("four", 32, "a")))
		for range 3 {
			sdk.take()
		}
		sdk.has("one", "c Enabled", "two", "c Enabled", "four", "a Enabled")
		synctest.Wait()
		away.connect(d)
		away.take()
		away.has("one", "c Enabled", "two", "c Enabled", "four", "a Enabled")
		away.send(`{"messageType":"ping","data":null}`)
		if m := away.read(); m.Type != "pong" {
			t.Errorf("got %+v, want a pong", m)
		}
	})
}

// TestNewerClientOfABackgroundRelay: a relay whose client cannot be made to read waits
// for newer data for 3 s, and then sends the client away.
func TestNewerClientOfABackgroundRelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UnixMilli()
		flag := func(version int64) []byte { return ffctest.Snapshot(ffctest.Flag("a").Version(version)) }
		d, source := drive(t, flag(now-1000))
		defer d.close()
		c := &original{version: now}
		c.connect(d)
		time.Sleep(time.Second)
		source.set(t, flag(now+1))
		c.take()
		if c.version != now+1 {
			t.Errorf("version %d, want %d", c.version, now+1)
		}
		ahead := &original{version: now + 2}
		ahead.connect(d)
		began := time.Now()
		ahead.ends(websocket.StatusGoingAway)
		if took := time.Since(began); took < 2*time.Second || took > 4*time.Second {
			t.Errorf("it took %v", took)
		}
		// What the platform confirmed more than 10 min later is not behind: it went back.
		time.Sleep(time.Hour)
		source.set(t, flag(now-1000))
		back := &original{version: now + 60_000}
		back.connect(d)
		back.take()
		if back.flags["a"] == "" || back.version <= now+60_000 {
			t.Errorf("after data went back: %v, version %d", back.flags, back.version)
		}
	})
}

// TestVersionsOfClocks: featureflag.co's SDK for Go requests what is newer than its
// clock on each ping, and does not connect again when it is closed.
func TestVersionsOfClocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		flag := func(version int64, off string) []byte {
			return ffctest.Snapshot(ffctest.Flag("a").Variations("a", "b").OffVariation(off).Version(version))
		}
		d, source := drive(t, flag(1, "a"))
		defer d.close()
		sdk := new(original)
		sdk.connect(d)
		sdk.take()
		for range 3 {
			wait(10 * time.Second)
			sdk.sync(time.Now().UnixMilli())
			if m := sdk.read(); m.Data.EventType != "patch" || len(m.Data.Flags) != 0 {
				t.Errorf("got %+v, want an empty patch", m)
			}
		}
		source.set(t, flag(2, "b"))
		sdk.take()
		sdk.has("a", "b Enabled")
	})
}

// TestRefusedClientsWait: FeatBit's SDK for Go connects again at once after a close
// code. A relay that refuses it for now does not get a request for each millisecond.
func TestRefusedClientsWait(t *testing.T) {
	t.Parallel()
	withDesk(t, func(h *relay.Handler) {
		h.Reader = func(string) (*ffc.Client, bool) { return nil, false }
	}, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		began, count := time.Now(), 0
		for count < 100 && time.Since(began) < 10*time.Second {
			d.dial(d.key, "").ends(websocket.StatusGoingAway)
			count++
		}
		if count > 10 {
			d.Errorf("%d websockets were refused within %v", count, time.Since(began))
		}
	})
}

// TestManyRefusedClients: the original Python SDK stops for good after an HTTP status,
// so that clients that are refused for now get none, however many they are.
func TestManyRefusedClients(t *testing.T) {
	t.Parallel()
	withDesk(t, func(h *relay.Handler) {
		h.Reader = func(string) (*ffc.Client, bool) { return nil, false }
	}, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		var closed, cut atomic.Int64
		for range 400 {
			go func() {
				ws, response, err := websocket.Dial(d.Context(), featbit.Protocol().StreamURL("ws://relay.test", d.key, time.Now()), &websocket.DialOptions{HTTPClient: d.http})
				if err != nil {
					if response != nil {
						d.Errorf("a client got status %d", response.StatusCode)
					}
					cut.Add(1)
					return
				}
				_, _, err = ws.Read(d.Context())
				if websocket.CloseStatus(err) == websocket.StatusGoingAway {
					closed.Add(1)
				}
			}()
		}
		wait(5 * time.Second)
		if closed.Load() != 256 || cut.Load() != 400-256 {
			d.Errorf("%d were closed and %d cut, want 256 and the others", closed.Load(), cut.Load())
		}
	})
}

// TestManyWrongKeys: clients with wrong keys that do not even read cost little, and
// others are served meanwhile.
func TestManyWrongKeys(t *testing.T) {
	t.Parallel()
	withDesk(t, nil, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		address := featbit.Protocol().StreamURL("", secret, time.Now())
		request := "GET " + address + " HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
		var unavailable atomic.Int64
		for range 400 {
			conn, err := d.listener.Dial(d.Context(), "", "")
			if err != nil {
				d.Fatal(err)
			}
			d.closers = append([]func(){func() { _ = conn.Close() }}, d.closers...)
			go func() {
				if _, err := conn.Write([]byte(request)); err != nil {
					return
				}
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil) // and nothing more
				if err == nil && resp.StatusCode == http.StatusServiceUnavailable {
					unavailable.Add(1)
				}
			}()
		}
		synctest.Wait()
		if n := unavailable.Load(); n < 100 {
			d.Errorf("%d of 400 clients got 503, want those above 256", n)
		}
		c := d.dial(d.key, "")
		c.sync(0)
		c.expect("full", "flag")
		wait(5 * time.Second)
		d.dial(secret, "").ends(4003)
		var streams uint64
		for _, r := range d.handler.Stats().Requests {
			if r.Route == "stream" {
				streams += r.Count
			}
		}
		if streams != 402 {
			d.Errorf("%s: want 402 requests for websockets", fmt.Sprint(d.handler.Stats().Requests))
		}
	})
}

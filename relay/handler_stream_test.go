package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
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
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// desk is a relay in a bubble, which gets its data from an engine.
type desk struct {
	*testing.T
	engine   fleet.Backend
	client   *ffc.Client
	handler  *relay.Handler
	listener *testkit.Listener
	http     *http.Client
	key      string
	invalid  atomic.Bool // the key has ended
	closers  []func()
}

// open starts a relay of an engine. The caller must call close before the bubble ends.
func open(t *testing.T, engine fleet.Backend, change func(*relay.Handler)) *desk {
	t.Helper()
	d := &desk{T: t, engine: engine, listener: testkit.NewListener()}
	var err error
	if d.key, _, err = relay.NewKey(ffc.PlatformFeatBit, environment, "test", time.Time{}); err != nil {
		t.Fatal(err)
	}
	d.client, err = ffc.New(t.Context(), ffc.Config{
		Platform: ffc.PlatformFeatBit, Transport: &fleet.Transport{Environment: environment, Backends: []fleet.Backend{engine}, MaxAge: time.Millisecond, MaxRetry: time.Second},
		StartWait: time.Second, Events: flush.Config{Disabled: true}, Logger: testkit.Quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	d.handler = &relay.Handler{
		Reader: func(e string) (*ffc.Client, bool) { return d.client, e == environment },
		Keys:   func(key string) (string, bool) { return environment, key == d.key && !d.invalid.Load() },
		Engine: func(e string) (fleet.Backend, bool) { return engine, e == environment },
		Logger: testkit.Quiet(),
	}
	if change != nil {
		change(d.handler)
	}
	server := &http.Server{Handler: d.handler}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(d.listener)
	}()
	connections := &http.Transport{DialContext: d.listener.Dial}
	d.http = &http.Client{Transport: connections}
	d.closers = append(d.closers, func() {
		d.handler.Close()
		connections.CloseIdleConnections()
		_ = server.Close()
		<-served
		_ = d.client.Close(context.WithoutCancel(t.Context()))
	})
	return d
}

// try sends a request with the key of the desk. header is as in send, and may have another
// key.
func (d *desk) try(ctx context.Context, method, path string, body io.Reader, header ...string) (*http.Response, string, error) {
	return send(ctx, d.http, method, "http://relay.test"+path, body, append([]string{"Authorization", d.key}, header...)...)
}

// get is try for a GET that must get a response.
func (d *desk) get(path string, header ...string) (*http.Response, string) {
	d.Helper()
	resp, body, err := d.try(d.Context(), http.MethodGet, path, nil, header...)
	if err != nil {
		d.Fatal(err)
	}
	return resp, body
}

// pollRoute and eventsRoute are those of FeatBit.
const (
	pollRoute   = "/api/public/sdk/server/latest-all"
	eventsRoute = "/api/public/insight/track"
)

func (d *desk) close() {
	for _, f := range d.closers {
		f()
	}
}

// dialed is a websocket of a client that knows nothing but the protocol.
type dialed struct {
	*desk
	ws       *websocket.Conn
	response *http.Response
}

// dial opens a websocket with a query in addition to the token of a key.
func (d *desk) dial(key, query string) *dialed {
	d.Helper()
	address := featbit.Protocol().StreamURL("ws://relay.test", key, time.Now()) + query
	ws, response, err := websocket.Dial(d.Context(), address, &websocket.DialOptions{HTTPClient: d.http})
	if err != nil {
		d.Fatal(err)
	}
	ws.SetReadLimit(-1)
	c := &dialed{d, ws, response}
	d.closers = append([]func(){func() { _ = ws.CloseNow() }}, d.closers...)
	return c
}

func (c *dialed) send(message string) {
	c.Helper()
	if err := c.ws.Write(c.Context(), websocket.MessageText, []byte(message)); err != nil {
		c.Fatal(err)
	}
}

func (c *dialed) sync(version int64) {
	c.Helper()
	c.send(`{"messageType":"data-sync","data":{"timestamp":` + strconv.FormatInt(version, 10) + `}}`)
}

// message is a data-sync that the relay sent.
type message struct {
	Type string `json:"messageType"`
	AsOf string `json:"asOf"`
	Data struct {
		EventType string `json:"eventType"`
		Flags     []struct {
			Key       string    `json:"key"`
			Enabled   bool      `json:"isEnabled"`
			Archived  bool      `json:"isArchived"`
			UpdatedAt time.Time `json:"updatedAt"`
		} `json:"featureFlags"`
	} `json:"data"`
}

// read reads a message.
func (c *dialed) read() (m message) {
	c.Helper()
	_, text, err := c.ws.Read(testkit.Timeout(c, time.Minute))
	if err != nil {
		c.Fatal(err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		c.Fatalf("%v in %s", err, text)
	}
	return m
}

// expect reads a message and checks its kind and the keys of its flags.
func (c *dialed) expect(kind string, keys ...string) message {
	c.Helper()
	m := c.read()
	var got []string
	for _, f := range m.Data.Flags {
		got = append(got, f.Key)
	}
	if m.Type != "data-sync" || m.Data.EventType != kind || strings.Join(got, " ") != strings.Join(keys, " ") {
		c.Errorf("got %+v, want a %s of %q", m, kind, keys)
	}
	return m
}

// ends reads until the relay closes the websocket, and checks the code; -1 is a
// connection that was cut.
func (c *dialed) ends(code websocket.StatusCode) {
	c.Helper()
	for {
		_, _, err := c.ws.Read(testkit.Timeout(c, 5*time.Minute))
		if err == nil {
			continue
		}
		if got := websocket.CloseStatus(err); got != code || errors.Is(err, context.DeadlineExceeded) {
			c.Errorf("the websocket ended with %d, %v, want %d", got, err, code)
		}
		return
	}
}

// version returns the version of the only flag of a message.
func (m message) version(t *testing.T) int64 {
	t.Helper()
	if len(m.Data.Flags) != 1 {
		t.Fatalf("got %+v, want one flag", m)
	}
	return m.Data.Flags[0].UpdatedAt.UnixMilli()
}

// withDesk runs a test in a bubble, with a platform of one flag, a publisher that
// runs, and a relay.
func withDesk(t *testing.T, change func(*relay.Handler), test func(d *desk, p *featBit, m *fleettest.Memory)) {
	t.Helper()
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		publisher := start(p.publisher(m))
		defer publisher.stop()
		wait(time.Minute)
		d := open(t, m, change)
		defer d.close()
		test(d, p, m)
	})
}

// TestStreamAnswers: what a client gets for its version, and pushes.
func TestStreamAnswers(t *testing.T) {
	t.Parallel()
	withDesk(t, nil, func(d *desk, p *featBit, _ *fleettest.Memory) {
		c := d.dial(d.key, "")
		if c.response.Header.Get("Ffc-As-Of") == "" {
			d.Errorf("the handshake has the headers %v", c.response.Header)
		}
		c.sync(0)
		version := c.expect("full", "flag").version(d.T)
		c.sync(version)
		c.expect("patch")
		c.sync(1) // the connection has all data
		c.expect("patch", "flag")
		c.send(`{"messageType":"ping","data":{}}`)
		if m := c.read(); m.Type != "pong" || m.AsOf != "" {
			d.Errorf("got %+v, want a pong that other SDKs know", m)
		}
		p.Set("flag", false)
		p.Set("second", true)
		c.expect("patch", "flag") // one by one
		c.expect("patch", "second")
		p.Archive("flag")
		if m := c.expect("patch", "flag"); !m.Data.Flags[0].Archived {
			d.Errorf("got %+v, want an archived flag", m)
		}
		other := d.dial(d.key, "&version=2")
		other.sync(version)
		other.expect("full", "flag", "second") // SDKs lose items of a patch that has several
		other.sync(version)
		other.expect("patch", "flag", "second") // what the connection has may be sent again
		third := d.dial(d.key, "")
		third.sync(version - 1)
		third.expect("full", "flag", "second")
		for _, garbage := range []string{`{`, `{"messageType":"data-sync"}`, `{"messageType":"data-sync","data":{"timestamp":-1}}`, `{"messageType":"x","data":{}}`} {
			third.send(garbage)
		}
		third.send(`{"messageType":"ping","data":{}}`)
		if m := third.read(); m.Type != "pong" {
			d.Errorf("got %+v, want a pong", m)
		}
	})
}

// TestStreamRefusals: a wrong key, an old token and the type of client-side SDKs.
func TestStreamRefusals(t *testing.T) {
	t.Parallel()
	withDesk(t, nil, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		d.dial(secret, "").ends(4003)
		d.dial(d.key, "&version=9").ends(4003)
		address := featbit.Protocol().StreamURL("ws://relay.test", d.key, time.Now().Add(-31*time.Second))
		for _, bad := range []string{
			address, strings.Replace(featbit.Protocol().StreamURL("ws://relay.test", d.key, time.Now()), "type=server", "type=client", 1),
			"ws://relay.test/streaming?type=server&token=x", "ws://relay.test/streaming?type=server&token=" + strings.Repeat("Q", 3000),
		} {
			ws, _, err := websocket.Dial(d.Context(), bad, &websocket.DialOptions{HTTPClient: d.http})
			if err != nil {
				d.Fatal(err)
			}
			(&dialed{d, ws, nil}).ends(4003)
		}
		if resp, _ := d.get("/streaming?type=server&token=x"); resp.StatusCode != http.StatusNotFound {
			d.Errorf("a request without a handshake got %d", resp.StatusCode)
		}
	})
}

// TestStreamKeyEnds: the websockets of a key that has ended are closed.
func TestStreamKeyEnds(t *testing.T) {
	t.Parallel()
	withDesk(t, nil, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		c := d.dial(d.key, "")
		c.sync(0)
		c.expect("full", "flag")
		d.invalid.Store(true)
		began := time.Now()
		c.ends(4003)
		if took := time.Since(began); took > 6*time.Second {
			d.Errorf("it took %v", took)
		}
	})
}

// TestStreamKeyMoves: a websocket whose key is of another environment now is closed, and
// the SDK is told not to connect again: it would mix the flags of both.
func TestStreamKeyMoves(t *testing.T) {
	t.Parallel()
	var moved atomic.Bool
	withDesk(t, func(h *relay.Handler) {
		keys, reader := h.Keys, h.Reader
		h.Keys = func(key string) (string, bool) {
			if moved.Load() {
				return "00000000-8b86-d011-b42d-00cf4fc964ff", true
			}
			return keys(key)
		}
		h.Reader = func(string) (*ffc.Client, bool) { return reader(environment) }
	}, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		c := d.dial(d.key, "")
		c.sync(0)
		c.expect("full", "flag")
		moved.Store(true)
		began := time.Now()
		c.ends(4003)
		if took := time.Since(began); took > 6*time.Second {
			d.Errorf("it took %v", took)
		}
	})
}

// TestStreamWaitsForData: a websocket waits for the first data for 10 s.
func TestStreamWaitsForData(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		d := open(t, m, nil)
		defer d.close()
		late := d.dial(d.key, "")
		late.sync(0)
		late.ends(websocket.StatusGoingAway)
		c := d.dial(d.key, "")
		c.sync(0)
		publisher := start(p.publisher(m))
		defer publisher.stop()
		c.expect("full", "flag")
	})
}

// TestStreamSlowClient: a client that does not read is cut, and delays no other.
func TestStreamSlowClient(t *testing.T) {
	t.Parallel()
	withDesk(t, nil, func(d *desk, p *featBit, _ *fleettest.Memory) {
		slow, c := d.dial(d.key, ""), d.dial(d.key, "")
		for _, s := range []*dialed{slow, c} {
			s.sync(0)
			s.expect("full", "flag")
		}
		for i := range 3 {
			p.Set("flag", i%2 == 0)
			began := time.Now()
			c.expect("patch", "flag")
			if took := time.Since(began); took > 10*time.Second {
				d.Errorf("the other client got the change after %v", took)
			}
		}
		wait(20 * time.Second)
		if n := d.handler.Stats().Websockets[environment]; n != 1 {
			d.Errorf("there are %d websockets, want 1", n)
		}
	})
}

// TestStreamBacklog: a client for which more than 1 MiB waits is cut at once.
func TestStreamBacklog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := func(version int64) []byte {
			return featBitData(t, ffctest.Flag("large").Variations("a", strings.Repeat("x", 300_000)).Version(version))
		}
		d, source := driveFeatBit(t, data(10))
		defer d.close()
		c := d.dial(d.key, "")
		c.sync(0)
		c.expect("full", "large")
		count := func() int { return d.handler.Stats().Websockets[environment] }
		source.set(t, data(20))
		_, text, err := c.ws.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1 + (1<<20)/len(text) { // one is being written
			source.set(t, data(30+int64(i)))
			synctest.Wait()
		}
		if n := count(); n != 1 {
			t.Errorf("there are %d websockets while less than 1 MiB waits, want 1", n)
		}
		source.set(t, data(100))
		synctest.Wait()
		if n := count(); n != 0 {
			t.Errorf("there are %d websockets, want none", n)
		}
	})
}

// TestStreamManyChanges: up to 200 changes are pushed one by one, more of them at once.
func TestStreamManyChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := func(n int, version int64) []byte {
			var items []ffctest.Item
			for i := range int64(n) {
				items = append(items, flagAt("flag"+strconv.FormatInt(i, 10), version+i))
			}
			return featBitData(t, append(items, ffctest.Segment("s").Version(1))...)
		}
		d, source := driveFeatBit(t, data(201, 1000))
		defer d.close()
		c := d.dial(d.key, "")
		c.sync(0)
		c.read()
		source.set(t, data(201, 2000))
		if m := c.read(); m.Data.EventType != "patch" || len(m.Data.Flags) != 201 {
			t.Errorf("201 changes came as a %s with %d flags", m.Data.EventType, len(m.Data.Flags))
		}
		source.set(t, data(199, 3000))
		if m := c.read(); len(m.Data.Flags) != 201 {
			t.Errorf("199 changes and 2 removed flags came as %d flags", len(m.Data.Flags))
		}
		source.set(t, data(200, 4000))
		for i := range 200 {
			if m := c.read(); m.Data.EventType != "patch" || len(m.Data.Flags) != 1 {
				t.Fatalf("change %d came as a %s with %d flags", i, m.Data.EventType, len(m.Data.Flags))
			}
		}
	})
}

// TestStreamOfNoEnvironment: an environment that is not served is not a wrong key: SDKs
// try again.
func TestStreamOfNoEnvironment(t *testing.T) {
	t.Parallel()
	withDesk(t, func(h *relay.Handler) {
		h.Reader = func(string) (*ffc.Client, bool) { return nil, false }
	}, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		d.dial(d.key, "").ends(websocket.StatusGoingAway)
	})
}

// TestStreamHalfOpen: a client that does not respond any more is cut after it was
// probed; one that is silent but lives is kept.
func TestStreamHalfOpen(t *testing.T) {
	t.Parallel()
	withDesk(t, nil, func(d *desk, p *featBit, _ *fleettest.Memory) {
		dead, silent := d.dial(d.key, ""), d.dial(d.key, "")
		for _, s := range []*dialed{dead, silent} {
			s.sync(0)
			s.expect("full", "flag")
		}
		go func() { _, _, _ = silent.ws.Read(d.Context()) }() // answers pings
		wait(5 * time.Minute)
		if n := d.handler.Stats().Websockets[environment]; n != 1 {
			d.Errorf("there are %d websockets, want 1", n)
		}
		p.Set("flag", false) // ends the Read
		wait(5 * time.Minute)
		if n := d.handler.Stats().Websockets[environment]; n != 0 {
			d.Errorf("there are %d websockets after the other died too, want none", n)
		}
	})
}

// TestStreamLimits: a message that is too large, too many questions, and too many
// websockets.
func TestStreamLimits(t *testing.T) {
	t.Parallel()
	withDesk(t, func(h *relay.Handler) { h.MaxWebsockets = 2 }, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		large := d.dial(d.key, "")
		large.send(`{"messageType":"ping","data":"` + strings.Repeat("x", 8<<10) + `"}`)
		large.ends(websocket.StatusMessageTooBig)
		flood := d.dial(d.key, "")
		for range 200 { // without reading
			if flood.ws.Write(d.Context(), websocket.MessageText, []byte(`{"messageType":"data-sync","data":{"timestamp":0}}`)) != nil {
				break
			}
		}
		flood.ends(-1)
		wait(time.Second)
		d.dial(d.key, "")
		d.dial(d.key, "")
		d.dial(d.key, "").ends(websocket.StatusGoingAway)
	})
}

// TestStreamNewerClient: a client whose data is newer than the relay's gets no older
// data. The relay reads the engine first.
func TestStreamNewerClient(t *testing.T) {
	t.Parallel()
	withDesk(t, func(h *relay.Handler) { h.Interval = time.Hour }, func(d *desk, p *featBit, m *fleettest.Memory) {
		c := d.dial(d.key, "")
		c.sync(0)
		version := c.expect("full", "flag").version(d.T)
		p.Set("flag", false)
		wait(2 * time.Second) // it is published, and the relay has not looked
		changed := time.Now().Add(-2 * time.Second).UnixMilli()
		other := d.dial(d.key, "")
		other.sync(changed)
		if m := other.expect("patch"); m.Type != "data-sync" {
			d.Errorf("got %+v", m)
		}
		c.expect("patch", "flag")
		ahead := d.dial(d.key, "")
		ahead.sync(time.Now().Add(time.Minute).UnixMilli())
		ahead.ends(websocket.StatusGoingAway)
		m.Before(func(context.Context, fleettest.Call) error { return fleetkit.ErrDown })
		down := d.dial(d.key, "")
		down.sync(time.Now().UnixMilli())
		down.ends(websocket.StatusGoingAway)
		_ = version
	})
}

// TestStreamRollback: after a rollback clients get the earlier data with a new
// version, from this relay and from one that has started since.
func TestStreamRollback(t *testing.T) {
	t.Parallel()
	withDesk(t, nil, func(d *desk, p *featBit, m *fleettest.Memory) {
		c := d.dial(d.key, "")
		c.sync(0)
		before := c.expect("full", "flag").version(d.T)
		p.Set("flag", false)
		bad := c.expect("patch", "flag")
		if bad.Data.Flags[0].Enabled || bad.version(d.T) <= before {
			d.Fatalf("got %+v", bad)
		}
		if _, err := fleetkit.RollBack(d.Context(), m, time.Now().Add(20*time.Second)); err != nil {
			d.Fatal(err)
		}
		undone := c.expect("patch", "flag")
		if !undone.Data.Flags[0].Enabled || undone.version(d.T) <= bad.version(d.T) {
			d.Errorf("the rollback arrived as %+v after %+v", undone, bad)
		}
		fresh := open(d.T, m, nil)
		defer fresh.close()
		for _, version := range []int64{before, bad.version(d.T), undone.version(d.T)} {
			other := fresh.dial(fresh.key, "")
			other.sync(version)
			got := other.read()
			if len(got.Data.Flags) == 0 {
				if version < undone.version(d.T) {
					d.Errorf("a client with version %d got %+v", version, got)
				}
				continue
			}
			if f := got.Data.Flags[0]; !f.Enabled || f.UpdatedAt.UnixMilli() <= bad.version(d.T) {
				d.Errorf("a client with version %d got %+v", version, got)
			}
		}
		// When the pin has ended, the platform's data has to be taken again.
		again := c.expect("patch", "flag")
		if again.Data.Flags[0].Enabled || again.version(d.T) <= undone.version(d.T) {
			d.Errorf("after the pin came %+v, before it %+v", again, undone)
		}
		// A relay that has started since does not know what others served.
		later := open(d.T, m, nil)
		defer later.close()
		other := later.dial(later.key, "")
		other.sync(undone.version(d.T))
		if got := other.read(); len(got.Data.Flags) != 1 || got.Data.Flags[0].Enabled || got.version(d.T) <= undone.version(d.T) {
			d.Errorf("a client from the time of the pin got %+v", got)
		}
	})
}

// TestStreamDrain: websockets are closed evenly, with a code after which SDKs connect
// again; new ones are sent away.
func TestStreamDrain(t *testing.T) {
	t.Parallel()
	withDesk(t, nil, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		began := time.Now()
		ended := make(chan time.Duration, 10)
		for range 10 {
			c := d.dial(d.key, "")
			c.sync(0)
			c.expect("full", "flag")
			go func() {
				c.ends(websocket.StatusGoingAway)
				ended <- time.Since(began)
			}()
		}
		if err := d.handler.Drain(d.Context(), 20*time.Second); err != nil {
			d.Error(err)
		}
		synctest.Wait()
		last := time.Duration(0)
		for range 10 {
			at := <-ended
			if gap := at - last; gap > 3*time.Second {
				d.Errorf("nothing was closed for %v", gap)
			}
			last = at
		}
		if last < 15*time.Second {
			d.Errorf("all were closed within %v", last)
		}
		d.dial(d.key, "").ends(websocket.StatusGoingAway)
	})
}

// TestCloseWhileServing: Close cuts everything and leaves nothing behind, which the
// bubble checks.
func TestCloseWhileServing(t *testing.T) {
	t.Parallel()
	withDesk(t, nil, func(d *desk, p *featBit, _ *fleettest.Memory) {
		c := d.dial(d.key, "")
		c.sync(0)
		c.expect("full", "flag")
		d.dial(d.key, "")
		p.Set("flag", false)
		d.handler.Close()
		c.ends(-1)
		if _, _, err := d.try(d.Context(), http.MethodGet, "/", nil); err == nil {
			d.Error("a closed handler responds")
		}
	})
}

// TestHangingEngine: while the engine does not respond, requests and websockets do not
// wait for it for long.
func TestHangingEngine(t *testing.T) {
	t.Parallel()
	withDesk(t, nil, func(d *desk, _ *featBit, m *fleettest.Memory) {
		c := d.dial(d.key, "")
		c.sync(0)
		c.expect("full", "flag")
		m.Before(func(ctx context.Context, _ fleettest.Call) error {
			<-ctx.Done()
			return ctx.Err()
		})
		wait(10 * time.Second)
		began := time.Now()
		resp, _ := d.get(pollRoute, "If-None-Match", `"of another relay"`)
		if took := time.Since(began); resp.StatusCode != http.StatusOK || took > 2*time.Second {
			d.Errorf("a poll got %d after %v", resp.StatusCode, took)
		}
		ahead := d.dial(d.key, "")
		began = time.Now()
		ahead.sync(time.Now().UnixMilli())
		ahead.ends(websocket.StatusGoingAway)
		d.invalid.Store(true)
		c.ends(4003)
		if took := time.Since(began); took > 15*time.Second {
			d.Errorf("websockets ended after %v", took)
		}
	})
}

// TestAgeOfAnOpenConnection: while nothing changes, the pongs of a relay tell this SDK
// when the platform has confirmed the data.
func TestAgeOfAnOpenConnection(t *testing.T) {
	t.Parallel()
	withDesk(t, nil, func(d *desk, p *featBit, _ *fleettest.Memory) {
		client, err := ffc.New(d.Context(), ffc.Config{
			EnvSecret: d.key, BaseURL: "http://relay.test", HTTPClient: d.http, Transport: &stream.Transport{Resync: time.Hour},
			Events: flush.Config{Disabled: true}, Logger: testkit.Quiet(),
		})
		if err != nil {
			d.Fatal(err)
		}
		defer client.Close(context.WithoutCancel(d.Context()))
		wait(10 * time.Minute)
		if s := client.Status(); s.State != ffc.StateOK || s.DataAge > time.Minute {
			d.Errorf("while the platform confirms the data: %+v", s)
		}
		p.Only(fleetkit.Server{Down: true})
		wait(10 * time.Minute)
		if s := client.Status(); s.DataAge < 9*time.Minute || s.DataAge > 11*time.Minute {
			d.Errorf("10 min after the platform went down: %+v", s)
		}
	})
}

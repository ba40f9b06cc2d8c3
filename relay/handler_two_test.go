package relay_test

import (
	"context"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// TestTwoRelays: clients whose requests alternate between two relays of an engine
// cannot tell. The relays read the engine at different times, and seldom.
func TestTwoRelays(t *testing.T) {
	t.Parallel()
	const changes = 9
	values := make([]string, changes+1)
	for i := range values {
		values[i] = strconv.Itoa(i)
	}
	eachPlatform(t, func(t *testing.T, p ffctest.Platform) {
		platform := p.NewServer(p.Snapshot(ffctest.Flag("n").Variations(values...).Serve("0"), ffctest.Flag("other")))
		defer platform.Close()
		engine := new(fleettest.Memory)
		publisher := &relay.Publisher{
			Config:  ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Transport: &stream.Transport{}},
			Backend: engine, Beat: 20 * time.Millisecond, Logger: testkit.Quiet(),
		}
		ctx, cancel := context.WithCancel(t.Context())
		published := make(chan struct{})
		go func() {
			defer close(published)
			_ = publisher.Run(ctx)
		}()
		defer func() { cancel(); <-published }()
		testkit.Eventually(t, "published", func() bool { return publisher.Status().Publishes > 0 })
		name := publisher.Status().Environment
		key, line, err := relay.NewKey(ffc.Platform(p.String()), name, "test", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		keys, err := relay.ParseKeys([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		var addresses []*url.URL
		for range 2 {
			client, err := ffc.New(t.Context(), ffc.Config{
				Platform: ffc.Platform(p.String()), Events: flush.Config{Disabled: true}, Logger: testkit.Quiet(), StartWait: -1,
				Transport: &fleet.Transport{Environment: name, Backends: []fleet.Backend{engine}, MaxAge: time.Millisecond},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close(context.WithoutCancel(t.Context()))
			h := &relay.Handler{
				Reader: func(e string) (*ffc.Client, bool) { return client, e == name }, Keys: keys.Environment, Interval: 100 * time.Millisecond, Logger: testkit.Quiet(),
			}
			server := httptest.NewServer(h)
			defer server.Close()
			defer h.Close()
			h.Refresh(name)
			address, _ := url.Parse(server.URL)
			addresses = append(addresses, address)
		}
		var turn atomic.Int64
		front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(addresses[turn.Add(1)%2])
		}})
		defer front.Close()

		done := make(chan struct{})
		var watching sync.WaitGroup
		clients := make([]*ffc.Client, 0, 3)
		for _, tr := range []transport.Transport{
			&poll.Transport{MaxAge: time.Nanosecond}, &stream.Transport{OnDemand: true, MaxAge: time.Nanosecond}, &stream.Transport{},
		} {
			client, err := ffc.New(t.Context(), ffc.Config{
				EnvSecret: key, BaseURL: front.URL, Transport: tr, Events: flush.Config{Disabled: true}, Logger: testkit.Quiet(),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close(context.WithoutCancel(t.Context()))
			if err := client.WaitReady(testkit.Within(t)); err != nil {
				t.Fatalf("%T: %v", tr, err)
			}
			clients = append(clients, client)
			watching.Go(func() {
				last := 0
				tick := time.NewTicker(time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-done:
						return
					case <-tick.C:
					}
					_ = client.Refresh(t.Context())
					switch got := client.IntVariation(t.Context(), "n", ffc.NewUser("u"), -1); {
					case got < last:
						t.Errorf("%T: the flag went from %d to %d", tr, last, got)
						return
					default:
						last = got
					}
				}
			})
		}
		for i := 1; i <= changes; i++ {
			platform.Put(ffctest.Flag("n").Variations(values...).Serve(values[i]))
			for j, client := range clients {
				if err := platform.WaitSynced(testkit.Within(t), client); err != nil {
					t.Errorf("client %d, change %d: %v", j, i, err)
				}
			}
		}
		close(done)
		watching.Wait()
		for j, client := range clients {
			_ = client.Refresh(t.Context())
			if s := client.Status(); s.State != ffc.StateOK {
				t.Errorf("client %d has the status %+v", j, s)
			}
		}
	})
}

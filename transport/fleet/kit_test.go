package fleet_test

import (
	"context"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/transporttest"
)

// kitSource returns a function that makes an engine and the transport that reads
// it.
func kitSource(configure func(*fleet.Transport)) func(t testing.TB) transporttest.Source {
	const environment = "FF__1__2__3"
	return func(t testing.TB) transporttest.Source {
		m := new(fleettest.Memory)
		tr := &fleet.Transport{Environment: environment, Backends: []fleet.Backend{m}, MaxAge: 1, StaleAfter: 1000 * time.Hour} // nothing beats
		configure(tr)
		name := fleetdata.Name(environment, fleetdata.HeadObject)
		revision, tag := int64(0), ""
		return transporttest.Source{
			Transport: tr,
			Publish: func(message []byte) {
				revision++
				body := fleetdata.Pack(message)
				h := &fleetdata.Head{Format: 1, Environment: environment, Platform: "classic", Lineage: "a", Revision: revision, AsOf: time.Now()}
				body.Describe(h, 1)
				text, err := h.Encode()
				if err == nil {
					err = m.Put(context.Background(), fleetdata.ChunkName(environment, body.Sum, 0), body.GZip)
				}
				if err == nil {
					tag, err = m.Swap(context.Background(), name, text, tag)
				}
				if err != nil {
					t.Error(err)
				}
			},
			Fail: func() (restore func()) {
				m.Before(func(_ context.Context, call fleettest.Call) error {
					if call.Op == "Swap" || call.Op == "Put" { // the publisher's
						return nil
					}
					return errDown
				})
				m.DropWatchers()
				return func() { m.Before(nil) }
			},
			Stall: func() (asked <-chan struct{}, resume func()) {
				requests, stalled := make(chan struct{}, 100), make(chan struct{})
				m.Before(func(ctx context.Context, call fleettest.Call) error {
					if call.Op != "Get" {
						return nil
					}
					requests <- struct{}{}
					select {
					case <-stalled:
						return nil
					case <-ctx.Done():
						return context.Cause(ctx)
					}
				})
				return requests, func() {
					m.Before(nil)
					close(stalled)
				}
			},
		}
	}
}

func TestTransportKeepsTheContract(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*fleet.Transport){
		"on demand":   func(*fleet.Transport) {},
		"at interval": func(tr *fleet.Transport) { tr.Interval = 5 * time.Second },
		"watching":    func(tr *fleet.Transport) { tr.Watch = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transporttest.RunSynctest(t, kitSource(configure))
		})
	}
}

package ffc_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// observed is a transport on demand that calls a function in Refresh.
type observed struct{ refresh func() }

func (o observed) Open(transport.Env) (transport.Session, error) { return o, nil }
func (observed) Stats() transport.Stats                          { return transport.Stats{} }
func (observed) Load(context.Context) error                      { return nil }
func (observed) Close()                                          {}

func (o observed) Refresh(context.Context) error {
	o.refresh()
	return nil
}

// TestRefreshReadsClock: the process may have been frozen until a Refresh, so
// that what is recorded from its beginning on needs a new look at the clock.
func TestRefreshReadsClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var client *ffc.Client
		check := func(when string, want time.Duration) {
			t.Helper()
			if got := client.ClocksCompared(); got != want {
				t.Errorf("%s the clocks were last compared after %v, expected %v", when, got, want)
			}
		}
		for _, transport := range []transport.Transport{
			observed{refresh: func() { check("while the data is refreshed on demand,", time.Minute) }},
			&idle{}, // has nothing to refresh, but freezes as well
		} {
			var err error
			client, err = ffc.New(t.Context(), ffc.Config{
				EnvSecret: ffctest.EnvSecret,
				Transport: transport,
				StartWait: -1,
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			check("before a refresh", 0)
			if err := client.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
			check("after a refresh", time.Minute)
			if err := client.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

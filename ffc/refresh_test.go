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

// pushing is one that works in the background.
type pushing struct{}

func (pushing) Open(transport.Env) (transport.Session, error) { return pushing{}, nil }
func (pushing) Stats() transport.Stats                        { return transport.Stats{} }
func (pushing) Run(ctx context.Context)                       { <-ctx.Done() }

// TestRefreshReadsClock: the process may have been frozen until a Refresh, so
// that what is recorded from its beginning on needs a new look at the clock.
func TestRefreshReadsClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var compared time.Duration
		var client *ffc.Client
		for name, transport := range map[string]transport.Transport{
			"on demand": observed{refresh: func() { compared = client.ClocksCompared() }},
			"push":      pushing{},
		} {
			var err error
			client, err = ffc.New(t.Context(), ffc.Config{
				EnvSecret: ffctest.EnvSecret,
				Transport: transport,
				StartWait: -1,
				Bootstrap: ffctest.Snapshot(ffctest.Flag("a")),
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if early := client.ClocksCompared(); early != 0 {
				t.Fatalf("%s: the clocks were compared after %v already", name, early)
			}
			if err := client.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
			if name == "push" {
				compared = client.ClocksCompared()
			}
			if compared != time.Minute {
				t.Errorf("%s: the clocks were compared after %v, expected a minute", name, compared)
			}
			if err := client.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

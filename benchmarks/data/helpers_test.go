// Package data_test measures how data gets into a client.
package data_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const flags = 10_000

// captured is a transport that hands over the client's store and does nothing.
type captured struct{ store transport.Store }

func (c *captured) Open(env transport.Env) (transport.Session, error) {
	c.store = env.Store
	return c, nil
}

func (*captured) Stats() transport.Stats { return transport.Stats{} }

func (*captured) Run(ctx context.Context) { <-ctx.Done() }

// connected returns a client and its store.
func connected(tb testing.TB) (*ffc.Client, transport.Store) {
	tb.Helper()
	var c captured
	client, err := ffc.New(context.Background(), ffc.Config{
		EnvSecret: fixture.EnvSecret, BaseURL: "http://127.0.0.1:1", Transport: &c, StartWait: -1, Logger: quiet(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close(context.Background()) })
	return client, c.store
}

// loaded returns a client that has all flags, its store and the message with
// them.
func loaded(tb testing.TB) (*ffc.Client, transport.Store, []byte) {
	tb.Helper()
	full := must(fixture.Classic(fixture.Bulk(flags)))(tb)
	client, store := connected(tb)
	if _, err := store.Apply(full, store.Mark()); err != nil {
		tb.Fatal(err)
	}
	return client, store, full
}

func must(b []byte, err error) func(testing.TB) []byte {
	return func(tb testing.TB) []byte {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return b
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func ann() ffc.User { return ffc.NewUser("ann", ffc.Country("NZ")) }

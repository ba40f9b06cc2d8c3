//go:build !race

package stream_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// fresh returns a client that has fresh data.
func fresh(t testing.TB) *ffc.Client {
	t.Helper()
	srv := ffctest.NewServer(nil)
	t.Cleanup(srv.Close)
	client, err := ffc.New(t.Context(), ffc.Config{
		EnvSecret: srv.EnvSecret, BaseURL: srv.URL, Transport: &stream.Transport{OnDemand: true}, Logger: testkit.Quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	return client
}

func TestRefreshOfFreshDataAllocatesNothing(t *testing.T) {
	client := fresh(t)
	if err := client.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { _ = client.Refresh(ctx) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRefreshOfFreshDataNoAlloc(b *testing.B) {
	client := fresh(b)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		_ = client.Refresh(ctx)
	}
}

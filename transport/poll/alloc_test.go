//go:build !race

package poll_test

import (
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// Refresh with fresh data allocates nothing. Not parallel: others' allocations
// would count.
func TestFreshDoesNotAllocate(t *testing.T) {
	server := newServer(t, ffctest.Flag("f"))
	client := newClient(t, server.URL, &poll.Transport{MaxAge: time.Hour}, nil)
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { _ = client.Refresh(ctx) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := len(server.Requests(ffctest.Polling)); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// BenchmarkFreshNoAlloc is ffc.Client.Refresh while the data is fresh: what each
// unit of work pays. It has to be below 100 ns.
func BenchmarkFreshNoAlloc(b *testing.B) {
	server := newServer(b, ffctest.Flag("f"))
	client := newClient(b, server.URL, &poll.Transport{MaxAge: time.Hour}, nil)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		_ = client.Refresh(ctx)
	}
}

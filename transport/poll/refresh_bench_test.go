package poll_test

import (
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

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

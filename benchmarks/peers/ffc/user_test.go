package ffc

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
)

// BenchmarkUser makes a user with five attributes, as a request handler would.
func BenchmarkUser(b *testing.B) {
	var c client
	u := fixture.Hit()
	b.ReportAllocs()
	for b.Loop() {
		c.User(u)
	}
}
